"""People find what was said."""

import pytest

from mtchat_core.chat import Chat
from mtchat_core.domain.errors import Forbidden
from mtchat_core.domain.messages import Draft
from mtchat_core.domain.search import Search
from tests.builders import A_PLANNER, ANN, BO, PLANNERS, a_dialog_id, a_new_dialog


async def test_what_was_just_said_or_corrected_is_found_at_once(chat: Chat) -> None:
    dialog = (await chat.dialogs.create(a_new_dialog(ANN, BO))).id
    said = await chat.messages.send(ANN, dialog, Draft("<script>x</script>Hello, <i>wor</i>ld & all"))

    [hit] = (await chat.search.find(BO, None, Search("world & all"))).hits
    await chat.messages.edit(ANN, dialog, said.id, "Good bye")

    assert (hit.message_id, hit.snippet.text) == (said.id, "Hello, world & all")
    assert (await chat.search.find(BO, None, Search("world"))).hits == ()
    assert [hit.message_id for hit in (await chat.search.find(BO, None, Search("good"))).hits] == [said.id]


async def test_a_dialog_one_is_not_in_is_refused_rather_than_searched_in_vain_g8(chat: Chat) -> None:
    dialog = (await chat.dialogs.create(a_new_dialog(ANN, scopes=[PLANNERS]))).id

    for place in (dialog, a_dialog_id()):
        with pytest.raises(Forbidden):
            await chat.search.find(BO, A_PLANNER, Search("hello", dialog=place))
