"""The host says who may discover and join (contract 2.7 and 11)."""

from typing import Any

import pytest

from tests.asking import Scopes
from tests.http.world import World


def replaced(dialog: str) -> str:
    """Return where a dialog's scopes are replaced."""
    return f"/dialogs/{dialog}/access-scopes"


async def test_scopes_are_replaced_as_a_whole(world: World) -> None:
    dialog = await world.dialog(scopes=[{"scope_level0": ["old"]}, {"scope_level1": ["old"]}])
    before = (await world.host.data("GET", f"/dialogs/{dialog}"))["access_scopes"]
    wanted = [{"scope_level0": ["b", "a", "b"]}, {"scope_level1": ["c"], "scope_level2": ["я"]}]

    kept = await world.host.data("PUT", replaced(dialog), {"access_scopes": wanted})

    assert [(scope["scope_level0"], scope["scope_level1"], scope["scope_level2"]) for scope in kept] == [
        (["a", "b"], [], []),
        ([], ["c"], ["я"]),
    ]
    assert {scope["dialog_id"] for scope in kept} == {dialog}
    assert not {scope["id"] for scope in kept} & {scope["id"] for scope in before}
    shown = (await world.host.data("GET", f"/dialogs/{dialog}"))["access_scopes"]
    assert sorted(shown, key=lambda scope: str(scope["id"])) == sorted(kept, key=lambda scope: str(scope["id"]))


async def test_no_scopes_close_a_dialog_to_newcomers_and_keep_its_people(world: World) -> None:
    dialog = await world.dialog("ana")

    assert await world.host.data("PUT", replaced(dialog), {"access_scopes": []}) == []

    assert await world.person("cy").data("GET", "/dialogs?type=available") == []
    assert await world.person("cy").refused("POST", f"/dialogs/{dialog}/join") == (403, "FORBIDDEN")
    assert (await world.entry("ana", dialog))["i_am_participant"] is True


async def test_other_scopes_evict_nobody_but_hide_the_dialog_from_their_list(world: World) -> None:
    dialog = await world.dialog("ana")

    await world.host.data("PUT", replaced(dialog), {"access_scopes": [{"scope_level0": ["elsewhere"]}]})

    assert await world.person("ana").data("GET", "/dialogs") == []
    assert len(await world.person("ana", None).data("GET", "/dialogs")) == 1
    await world.say("ana", dialog)


# The older way to name a tenant


@pytest.mark.parametrize("way", ["create", "replace"])
@pytest.mark.parametrize(
    ("scope", "level0", "echo"),
    [
        ({"tenant_uid": "t"}, ["t"], "t"),
        ({"tenant_uid": "t", "scope_level1": ["p"]}, ["t"], "t"),
        ({"tenant_uid": "t", "scope_level0": ["own"]}, ["own"], None),
        ({"tenant_uid": "t", "scope_level0": []}, [], None),
        ({"tenant_uid": None}, [], None),
    ],
    ids=repr,
)
async def test_a_tenant_stands_for_an_absent_level_0_and_is_repeated(
    world: World, scope: dict[str, Any], level0: list[str], echo: str | None, way: str
) -> None:
    if way == "create":
        dialog = await world.dialog(scopes=[scope])
    else:
        dialog = await world.dialog()
        [answered] = await world.host.data("PUT", replaced(dialog), {"access_scopes": [scope]})
        assert answered.get("tenant_uid") == echo

    [shown] = (await world.host.data("GET", f"/dialogs/{dialog}"))["access_scopes"]

    assert shown["scope_level0"] == level0
    assert shown.get("tenant_uid") == echo
    assert ("tenant_uid" in shown) is (echo is not None)


async def test_a_tenants_people_find_the_dialog(world: World) -> None:
    dialog = await world.dialog(access_scopes=[{"tenant_uid": "nordwind"}])

    [found] = await world.person("cy").data("GET", "/dialogs?type=available")

    assert found["id"] == dialog


# Limits and shapes


@pytest.mark.parametrize(
    ("passes", "fails"),
    [
        ([{"scope_level0": [str(n)]} for n in range(100)], [{"scope_level0": [str(n)]} for n in range(101)]),
        ([{"scope_level1": [str(n) for n in range(100)]}], [{"scope_level1": [str(n) for n in range(101)]}]),
        ([{"scope_level2": ["я" * 255]}], [{"scope_level2": ["я" * 256]}]),
        ([{"tenant_uid": "я" * 255}], [{"tenant_uid": "я" * 256}]),
        ([{"scope_level0": ["a"]}], [{"scope_level0": ["a\x00"]}]),
    ],
    ids=["scopes", "labels", "label length", "tenant length", "NUL"],
)
async def test_scopes_at_their_limit_pass_and_one_more_is_refused(
    world: World, passes: list[object], fails: list[object]
) -> None:
    dialog = await world.dialog("ana")

    assert await world.refuses(world.host, "PUT", replaced(dialog), {"access_scopes": fails}) == (
        400,
        "INVALID_INPUT",
    )

    assert len(await world.host.data("PUT", replaced(dialog), {"access_scopes": passes})) == len(passes)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"access_scopes": None},
        {"access_scopes": {}},
        {"access_scopes": [None]},
        {"access_scopes": [{"scope_level0": None}]},
        {"access_scopes": [{"scope_level2": None}]},
        {"access_scopes": [{"scope_level2": "a"}]},
        {"access_scopes": [{"scope_level2": [1]}]},
        {"access_scopes": [{"tenant_uid": 1}]},
        [],
    ],
    ids=repr,
)
async def test_scopes_of_another_shape_are_refused(world: World, body: object) -> None:
    dialog = await world.dialog("ana")

    assert await world.refuses(world.host, "PUT", replaced(dialog), body) == (422, "INVALID_INPUT")


# Matching


def level(*labels: str, at: int = 0) -> Scopes:
    """Return scopes with labels on one level."""
    return {f"scope_level{at}": list(labels)}


FULL: Scopes = {"scope_level0": ["a"], "scope_level1": ["p"], "scope_level2": ["x"]}
MATCHES: dict[str, tuple[list[Scopes], Scopes, bool]] = {
    "an empty row welcomes anyone": ([{}], {}, True),
    "an empty level welcomes any label": ([{}], level("z"), True),
    "a shared label": ([level("a")], level("a", "z"), True),
    "one of several labels": ([level("a", "b")], level("b"), True),
    "another label": ([level("a")], level("z"), False),
    "no label is no wildcard": ([level("a")], {}, False),
    "case": ([level("a")], level("A"), False),
    "blanks": ([level("a")], level("a "), False),
    "another level": ([level("a", at=1)], level("a", at=0), False),
    "all three levels": ([FULL], FULL, True),
    "two of three levels": ([FULL], {**FULL, "scope_level2": ["y"]}, False),
    "any row": ([level("a"), level("b")], level("b"), True),
    "rows are not combined": ([FULL, level("b")], {"scope_level1": ["p"], "scope_level2": ["x"]}, False),
    "no rows": ([], level("a"), False),
}


@pytest.mark.parametrize(("rows", "held", "is_match"), MATCHES.values(), ids=MATCHES.keys())
async def test_a_scope_matches_when_every_level_of_one_row_does(
    world: World, rows: list[Scopes], held: Scopes, is_match: bool
) -> None:
    dialog = await world.dialog("ana", scopes=rows)
    cy = world.person("cy", held)

    available = await cy.data("GET", "/dialogs?type=available")
    joined = await cy("POST", f"/dialogs/{dialog}/join")

    assert [entry["id"] for entry in available] == [dialog] * is_match
    assert joined.status_code == (200 if is_match else 403)
