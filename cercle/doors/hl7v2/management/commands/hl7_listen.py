import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys

from django.core.management.base import BaseCommand
from django.db import connections
from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused
from cercle.doors.hl7v2 import mllp


class Command(BaseCommand):
    help = "Reçoit des messages HL7 v2.5 (IHE PAM France) par MLLP : chacun est gardé, appliqué, puis acquitté."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--host", default=os.environ.get("HL7_HOST", "127.0.0.1"), help="adresse d’écoute")
        parser.add_argument("--port", type=int, default=int(os.environ.get("HL7_PORT") or 2575), help="port d’écoute")
        parser.add_argument("--workers", type=int, default=1, help="processus")
        parser.add_argument("--tls-cert", default="", metavar="PEM", help="certificat du serveur : MLLP sur TLS")
        parser.add_argument(
            "--tls-key", default="", metavar="PEM", help="sa clé, si elle n’est pas dans le même fichier"
        )
        parser.add_argument(
            "--client-ca",
            default="",
            metavar="PEM",
            help="autorité des certificats clients : nul n’entre sans l’un d’eux",
        )
        parser.add_argument("--max-bytes", type=int, default=mllp.LONGEST, help="taille d’un message, au plus")

    def handle(self, *args, host, port, workers, tls_cert, tls_key, client_ca, max_bytes, **options) -> None:
        if client_ca and not tls_cert:
            raise Refused(_("--client-ca demande --tls-cert."), "tls")
        try:
            context = mllp.tls(tls_cert, tls_key, client_ca) if tls_cert else None
        except OSError as error:
            raise Refused(_("Certificat illisible : %(why)s") % {"why": error.strerror or error}, "tls") from None
        sock = _bind(host, port)
        self.stdout.write(
            _("À l’écoute de messages HL7 sur %(host)s, port %(port)s.") % {"host": host, "port": sock.getsockname()[1]}
        )
        self.stdout.flush()
        connections.close_all()  # none may cross a fork
        children = [pid for pid in (_fork() for _n in range(max(workers, 1) - 1)) if pid]
        if workers > 1 and len(children) < workers - 1:
            children = []  # we are one of the children
        status = asyncio.run(_listen(sock, context, mllp.Limits(frame=max_bytes)))
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        connections.close_all()
        sys.exit(status)


def _fork() -> int:
    """0 in the child, which forks no further: see `handle`."""
    if getattr(_fork, "child", False):
        return 0
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _fork.child = True  # type: ignore[attr-defined]
        with contextlib.suppress(Exception):
            import ctypes

            ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # a killed parent takes its children along
        if os.getppid() != parent:
            os._exit(1)
    return pid


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Refused(
                _("Le port %(port)s est déjà pris : choisissez-en un autre (HL7_PORT).") % {"port": port}, "port"
            ) from None
        raise Refused(_("Impossible d’écouter : %(why)s") % {"why": error.strerror or error}, "port") from None
    except OverflowError:
        raise Refused(_("%(port)s n’est pas un numéro de port.") % {"port": port}, "port") from None


async def _listen(sock: socket.socket, context, limits: mllp.Limits) -> int:
    listener = mllp.Listener(limits)
    await listener.start(sock=sock, tls=context)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    await listener.stop()
    return 0
