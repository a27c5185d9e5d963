"""The sign-in page comes up in a real browser, without a refusal of its own content policy."""


def test_the_sign_in_page_loads_clean(browser, live_site):
    page = browser.new_page(locale="fr-FR")
    said = []
    page.on("console", lambda message: said.append(message.text))
    answer = page.goto(f"{live_site.url}/connexion/")
    assert answer.status == 200
    assert page.locator("input[name=login]").is_visible()
    assert page.locator("input[name=password]").is_visible()
    assert [text for text in said if "Content Security Policy" in text] == []
