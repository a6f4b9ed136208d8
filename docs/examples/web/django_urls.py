"""The shop's addresses."""

from django.urls import path
from shop import views

urlpatterns = [
    path("orders/<str:number>", views.order, name="order"),
    path("chat-token", views.chat_token, name="chat-token"),
]
