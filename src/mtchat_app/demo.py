"""The demo: an order, three people at a desk, and lines to paste into a terminal."""

import json
import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
from attrs import frozen

from mtchat_app.http.desk import Desk, Someone, derived_secret
from mtchat_core.chat import Chat
from mtchat_core.domain.dialogs import Dialog, ObjectRef, about
from mtchat_core.domain.ids import UserId
from mtchat_core.domain.messages import Draft
from mtchat_core.domain.participants import Invitation, profile
from mtchat_core.domain.scopes import access_scope
from mtchat_core.use_cases.dialogs import NewDialog

ORDER = ObjectRef(type="order", id="4711")
ANA, BO, CY, EVE = UserId("ana"), UserId("bo"), UserId("cy"), UserId("eve")
NORDWIND = {"scope_level0": ["nordwind"], "scope_level1": ["sales"], "scope_level2": ["chat"]}
ELSEWHERE = {"scope_level0": ["elsewhere"], "scope_level1": [], "scope_level2": []}
TOKEN_LIFE = timedelta(days=30)
PAGE_TOKEN_LIFE = timedelta(hours=1)
TITLE = "Order 4711: 200 office chairs"
ANA_THERE = Invitation(ANA, profile("Ana Petrova", "Nordwind", "ana@nordwind.example"))
BO_THERE = Invitation(BO, profile("Bo Lindqvist", "Borealis"))
DEE_THERE = Invitation(UserId("dee"), profile("Dee Marsh", "Oakline"))
ELSEWHERE_TALKED = (
    (
        (ObjectRef(type="tender", id="T-9"), "Tender T-9: tables for meeting rooms"),
        (ANA_THERE, DEE_THERE),
        (DEE_THERE.user_id, "Our offer is on its way."),
    ),
    (
        (ObjectRef(type="order", id="4698"), "Order 4698: 12 desk lamps"),
        (ANA_THERE, BO_THERE),
        (BO, "The lamps left our warehouse this morning."),
    ),
)
"""What else Ana talks about, so that a list is seen to be one."""


@frozen
class Secrets:
    """What the demo signs and protects itself with; made once and kept beside its data."""

    admin_token: str
    jwt_secret: str

    @classmethod
    def of(cls, data: Path) -> "Secrets":
        """Return the secrets of a data folder, making them at the first start."""
        file = data / "demo-secrets.json"
        if not file.exists():
            data.mkdir(parents=True, exist_ok=True)
            made = {"admin_token": secrets.token_urlsafe(24), "jwt_secret": secrets.token_urlsafe(48)}
            with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as out:
                json.dump(made, out)
        kept = json.loads(file.read_text())
        return cls(admin_token=kept["admin_token"], jwt_secret=kept["jwt_secret"])


def token(user: str, secret: str, *, scopes: dict[str, list[str]], life: timedelta = TOKEN_LIFE) -> str:
    """Return a token (RFC 7519, HS256) for *user*, holding *scopes*, good for *life*."""
    expires = datetime.now(UTC) + life
    return jwt.encode({"sub": user, "scopes": scopes, "exp": int(expires.timestamp())}, secret, algorithm="HS256")


async def furnish(chat: Chat) -> Dialog:
    """Create the demo order's dialog with a first exchange, unless it is there already."""
    scopes = [access_scope(*NORDWIND.values())]
    found = await chat.dialogs.find(ORDER, scopes)
    if found is not None:
        return found
    for (object_, title), people, (sender, text) in ELSEWHERE_TALKED:
        other = await chat.dialogs.create(
            NewDialog(object=object_, about=about(title, None, {}), people=people, scopes=tuple(scopes))
        )
        await chat.messages.send(sender, other.id, Draft(text))
    dialog = await chat.dialogs.create(
        NewDialog(
            object=ORDER,
            about=about(TITLE, "https://example.com/orders/4711", {"total": "18 400 EUR"}),
            people=(
                ANA_THERE,
                BO_THERE,
            ),
            scopes=tuple(scopes),
        )
    )
    await chat.messages.send(ANA, dialog.id, Draft("Hello Bo, can you deliver the chairs by <b>Friday</b>?"))
    await chat.messages.send(
        BO, dialog.id, Draft("Hi Ana, 150 of them on Thursday, the rest on Monday. All right?")
    )
    return dialog


def desk(port: int, kept: Secrets) -> Desk:
    """Return the page's order desk, for browsers of this machine."""
    return Desk(
        people=(
            Someone(ANA, "Ana Petrova", "Nordwind", "ordered the chairs", "full"),
            Someone(BO, "Bo Lindqvist", "Borealis", "delivers them", "inline"),
            Someone(CY, "Cy Okafor", "Nordwind", "may join", "inline"),
        ),
        order={"type": ORDER.type, "id": ORDER.id, "title": TITLE},
        token=lambda user: token(user, kept.jwt_secret, scopes=NORDWIND, life=PAGE_TOKEN_LIFE),
        webhook_secret=derived_secret(kept.jwt_secret),
        hosts=frozenset({f"127.0.0.1:{port}", f"localhost:{port}"}),
    )


def card(url: str, dialog: Dialog, kept: Secrets) -> str:
    """Return what a newcomer reads first: links, tokens and lines to try."""
    ana, bo, cy = (token(user, kept.jwt_secret, scopes=NORDWIND) for user in (ANA, BO, CY))
    eve = token(EVE, kept.jwt_secret, scopes=ELSEWHERE)
    socket = url.replace("http", "ws", 1)
    here = f"{url}/api/v1/dialogs/{dialog.id}"
    return f"""
MTChat is running: an order, three people who may talk about it, and one who may not.

  Open this     {url}/demo
  API page      {url}/docs
  Ready?        {url}/health/ready
  The dialog    {dialog.id}   (order 4711)

Tokens, good for {TOKEN_LIFE.days} days (paste this block into another terminal):

  ADMIN={kept.admin_token}
  ANA={ana}
  BO={bo}
  CY={cy}
  EVE={eve}

Then try:

  # Ana's dialogs, with what is unread
  curl -s {url}/api/v1/dialogs -H "Authorization: Bearer $ANA"
  # Bo writes
  curl -s {here}/messages -H "Authorization: Bearer $BO" \\
       -H 'Content-Type: application/json' -d '{{"content":"Thursday it is."}}'
  # Ana uploads a file and sends it: she asks for a place, puts the file there, names it in a message
  PLACE=$(curl -s {url}/api/v1/upload/presign -H "Authorization: Bearer $ANA" \\
       -H 'Content-Type: application/json' \\
       -d '{{"dialog_id":"{dialog.id}","filename":"plan.txt","content_type":"text/plain","size":13}}')
  LINK=$(echo "$PLACE" | sed 's/.*"upload_url":"\\([^"]*\\)".*/\\1/')
  KEY=$(echo "$PLACE" | sed 's/.*"s3_key":"\\([^"]*\\)".*/\\1/')
  curl -s -X PUT "$LINK" -H 'Content-Type: text/plain' -d 'Door 3 please'
  curl -s {here}/messages -H "Authorization: Bearer $ANA" \\
       -H 'Content-Type: application/json' -d '{{"content":"The plan", "attachments":[
       {{"s3_key":"'$KEY'","filename":"plan.txt","content_type":"text/plain","size":13}}]}}'
  # Ana reads
  curl -s {here}/messages -H "Authorization: Bearer $ANA"
  # Cy is not in yet, but her scopes match: she finds the dialog and joins
  curl -s '{url}/api/v1/dialogs?type=available' -H "Authorization: Bearer $CY"
  curl -s -X POST {here}/join -H "Authorization: Bearer $CY" \\
       -H 'Content-Type: application/json' -d '{{"display_name":"Cy","company":"Nordwind"}}'
  # Eve's scopes do not match: she sees nothing
  curl -s {here}/messages -H "Authorization: Bearer $EVE"
  # The host creates another dialog
  curl -s {url}/api/v1/management/dialogs -H "Authorization: Bearer $ADMIN" \\
       -H 'Content-Type: application/json' \\
       -d '{{"object_type":"order","object_id":"4712","title":"Order 4712","participants":["ana","bo"]}}'

Live events:  {socket}/api/v1/ws?token=$ANA
Everything is kept in the data folder and there again at the next start. Ctrl+C ends it.
"""
