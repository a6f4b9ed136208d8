"""Refusals a caller can understand and act on."""

import importlib
import pkgutil
from datetime import timedelta

import mtchat_core.domain
from mtchat_core.domain.errors import ChatError, Kind, ServiceUnavailable

for module in pkgutil.iter_modules(mtchat_core.domain.__path__):
    importlib.import_module(f"mtchat_core.domain.{module.name}")


def every(refusal: type[ChatError] = ChatError) -> list[type[ChatError]]:
    return [one for child in refusal.__subclasses__() for one in (child, *every(child))]


def test_every_refusal_has_a_code_and_a_kind() -> None:
    assert len(every()) > 10
    for refusal in every():
        assert refusal.code == refusal.code.upper(), refusal
        assert isinstance(refusal.kind, Kind), refusal


def test_every_denial_begins_with_the_word_the_original_client_looks_for() -> None:
    denials = [refusal for refusal in every() if refusal.kind is Kind.DENIED]

    assert denials
    assert [refusal for refusal in denials if not refusal.says.startswith("Forbidden")] == []


def test_a_refusal_says_its_default_sentence_or_a_better_one() -> None:
    assert ServiceUnavailable().message == ServiceUnavailable.says
    assert str(ServiceUnavailable("Later.", retry_after=timedelta(seconds=2))) == "Later."
    assert ServiceUnavailable(retry_after=timedelta(seconds=2)).retry_after == timedelta(seconds=2)
