"""The REST interface's own page, in a network without the internet."""

from playwright.sync_api import expect

SCREENS_MAX = 60


def test_the_interface_is_browsed_without_another_host(
    context_of, world, live_server, shot
):
    page = context_of(viewport={"width": 1280, "height": 900}).new_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda line: complaints.append(line.text) if line.type == "error" else None,
    )
    page.goto("/api/docs/")
    expect(page.get_by_role("heading", name="CPMS")).to_be_visible()
    call = page.get_by_role("button", name="/api/v1/driver/token", exact=False).first
    expect(page.locator(".opblock").first).to_be_visible()
    page.mouse.move(640, 600)
    # Only what is in sight is there: one scrolls to it, as a person does.
    for _ in range(SCREENS_MAX):
        if call.is_visible():
            break
        page.mouse.wheel(0, 450)
        page.wait_for_timeout(200)
    call.click()
    expect(page.get_by_role("button", name="Try it out")).to_be_visible()
    assert complaints == []
    own = (live_server.url, "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []
    shot(page, "interface")
