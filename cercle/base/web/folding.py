"""Templates whose constant parts are rendered once per language: runs of text, `{% translate %}`, icons and fixed addresses.

A page of the product has some two hundred of them; rendering each costs more than all that varies (docs/adr/0011). What is
folded depends on nothing but the language and autoescape: anything with a variable, a filter or an `as` is left alone.
"""

from django.template.base import FilterExpression, Node, NodeList, Template, TextNode, TokenType, Variable
from django.template.defaulttags import CommentNode, IfNode, LoadNode, URLNode
from django.template.library import SimpleNode
from django.template.loaders import cached
from django.templatetags.i18n import BlockTranslateNode, TranslateNode
from django.templatetags.static import StaticNode
from django.utils.translation import get_language

from .templatetags import web

# Tags of our own that give the same markup for the same arguments.
PURE = frozenset({web.svg, web.brand, web.chip, web.kind, web.profession, web.state, web.avatar})


class Folded(Node):
    """A run of constant nodes; its text is kept by language. A benign race writes the same text twice."""

    def __init__(self, nodes: list[Node]):
        self.nodes = NodeList(nodes)
        self.kept: dict[tuple, str] = {}

    def render(self, context):
        return self.render_annotated(context)

    def render_annotated(self, context):
        key = get_language(), context.autoescape
        found = self.kept.get(key)
        if found is None:
            found = self.kept[key] = self.nodes.render(context)
        return found


def _fixed(expression) -> bool:
    """A literal, translated or not, without filters."""
    if not isinstance(expression, FilterExpression) or expression.filters:
        return False
    var = expression.var
    return not isinstance(var, Variable) or var.lookups is None


def constant(node: Node) -> bool:
    match node:
        case TextNode() | CommentNode() | LoadNode():
            return True
        case TranslateNode():
            return not node.asvar and node.message_context is None and _fixed(node.filter_expression)
        case BlockTranslateNode():
            plain = all(token.token_type == TokenType.TEXT for token in node.singular)
            return plain and not (node.plural or node.extra_context or node.message_context or node.asvar)
        case StaticNode():
            return node.varname is None and _fixed(node.path)
        case URLNode():
            return not (node.args or node.kwargs or node.asvar) and _fixed(node.view_name)
        case SimpleNode():
            if node.func not in PURE or node.takes_context or node.target_var is not None:
                return False
            return all(map(_fixed, node.args)) and all(map(_fixed, node.kwargs.values()))
    return False


def fold(nodelist: NodeList) -> None:
    """In place: blocks and partials share these lists."""
    folded: list[Node] = []
    run: list[Node] = []

    def close() -> None:
        if len(run) > 1 or (run and not isinstance(run[0], TextNode)):
            folded.append(Folded(list(run)))
        else:
            folded.extend(run)
        run.clear()

    for node in nodelist:
        if constant(node):
            run.append(node)
            continue
        close()
        folded.append(node)
        if isinstance(node, IfNode):
            for _condition, inner in node.conditions_nodelists:
                fold(inner)
            continue
        for name in node.child_nodelists:
            if inner := getattr(node, name, None):
                fold(inner)
    close()
    nodelist[:] = folded


class Loader(cached.Loader):
    """Django's cached loader; each template is folded once, when it is compiled."""

    def get_template(self, template_name, skip=None) -> Template:
        template = super().get_template(template_name, skip)
        if not getattr(template, "folded", False):
            fold(template.nodelist)
            template.folded = True
        return template
