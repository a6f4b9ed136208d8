"""The gate that keeps secrets out of logs and error bodies is shut."""

import logging

import pytest
import structlog

from tests import silence
from tests.asking import ADMIN, token


@pytest.mark.parametrize(
    "secret",
    [
        ADMIN,
        token("ana"),
        "text-canary",
        "postgres://user:password@db/name",
        "https://s3.test/x?X-Amz-Signature=1",
    ],
)
def test_a_secret_in_a_line_is_heard_wherever_it_was_written_g20(secret: str) -> None:
    logging.getLogger("mtchat").warning("it is %s", secret)
    structlog.get_logger().info("request", path=secret)
    structlog.get_logger().error("request failed", exc_info=ValueError(secret))

    heard = silence.take()
    assert len(heard) >= 3
    with pytest.raises(AssertionError):
        silence.check_log(f'{{"event":"request","path":"{secret}"}}\n')


def test_ordinary_lines_are_fine_g20() -> None:
    structlog.get_logger().info("request", path="/api/v1/dialogs/{dialog_id}", status=200)
    silence.check_log(f'The host\'s token is {ADMIN}\n{{"event":"request"}}\n')

    assert silence.take() == []
