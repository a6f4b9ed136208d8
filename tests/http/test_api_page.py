"""The API page: served by ourselves alone, and complete."""

import re

from tests.http.world import World


async def test_the_page_needs_nothing_from_anybody_else(world: World) -> None:
    page = await world.client.get("/docs")
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    loaded = [await world.client.get(f"/{part}") for part in parts]

    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert len(parts) == 3
    assert all(answer.status_code == 200 for answer in loaded)
    assert not any("://" in part for part in parts)


async def test_the_description_names_every_door_its_key_and_its_limits(world: World) -> None:
    description = (await world.client.get("/openapi.json")).json()

    operations = {
        (method, path): operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }
    assert len(operations) >= 30
    for (_, path), operation in operations.items():
        expected = "host" if path.startswith("/api/v1/management") else "person"
        assert path.startswith("/health") or operation["security"] == [{expected: []}]
        assert operation["summary"]
        assert operation["tags"][0] in {tag["name"] for tag in description["tags"]}
    schemas = description["components"]["schemas"]
    assert schemas["CreateDialog"]["properties"]["object_id"]["maxLength"] == 255
    silent = [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, said in schema.get("properties", {}).items()
        if not {"description", "$ref"} & said.keys()
    ]
    assert silent == [], "every field says what it is, with unit and limit"
