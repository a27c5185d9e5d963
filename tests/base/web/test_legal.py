import pytest

PAGES = ["/accessibilite/", "/mentions-legales/", "/donnees-personnelles/"]


@pytest.mark.parametrize("address", PAGES)
def test_legal_pages_answer_to_someone_signed_out(db, client, address):
    page = client.get(address)
    assert page.status_code == 200
    assert "n’a pas encore complété cette page" in page.content.decode()


def test_sign_in_links_to_them(db, client):
    page = client.get("/connexion/").content.decode()
    assert all(f'href="{address}"' in page for address in PAGES)


def test_a_region_fills_a_page_in_with_a_text_file_never_read_as_html(db, client, settings, tmp_path):
    settings.PAGES_DIR = str(tmp_path)
    (tmp_path / "mentions-legales.txt").write_text(
        "# Éditeur\n\nGroupement <b>régional</b>\n1 rue Neuve\n", encoding="utf-8"
    )
    page = client.get("/mentions-legales/").content.decode()
    assert "<h2>Éditeur</h2>" in page and "&lt;b&gt;régional&lt;/b&gt;<br>1 rue Neuve" in page
    assert "n’a pas encore complété" not in page
    assert "n’a pas encore complété" in client.get("/accessibilite/").content.decode()
