"""A Django host: the token endpoint, and a page whose policy allows no inline script or style."""

from datetime import UTC, datetime, timedelta

import jwt
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from shop.models import Order

CHAT = "https://chat.example.com"
CHAT_SOCKET = "wss://chat.example.com"
FILES = "https://files.example.com"
POLICY = "; ".join(
    (
        "default-src 'none'",
        f"script-src 'self' {CHAT}",
        "style-src 'self'",
        f"connect-src 'self' {CHAT} {CHAT_SOCKET} {FILES}",
        f"img-src 'self' blob: {FILES}",
        f"media-src {FILES}",
        "require-trusted-types-for 'script'",
        "trusted-types vue mtchat dompurify",
    )
)


def chat_token(request: HttpRequest) -> JsonResponse:
    """Sign a token for whoever is logged in: who they are, and what they may find and join."""
    if not request.user.is_authenticated:
        return JsonResponse({}, status=401)  # a page to log in would be taken for a token
    claims = {
        "sub": str(request.user.pk),
        "scopes": {"scope_level0": [request.user.company.slug], "scope_level1": [], "scope_level2": ["chat"]},
        "exp": datetime.now(UTC) + timedelta(minutes=15),
    }
    answer = JsonResponse({"token": jwt.encode(claims, settings.MTCHAT_JWT_SECRET, algorithm="HS256")})
    answer["Cache-Control"] = "no-store"
    return answer


@login_required
def order(request: HttpRequest, number: str) -> HttpResponse:
    """Show an order with its chat."""
    shown = get_object_or_404(Order, number=number)
    answer = render(request, "order.html", {"order": shown, "sdk": settings.MTCHAT_SDK})
    answer["Content-Security-Policy"] = POLICY
    return answer
