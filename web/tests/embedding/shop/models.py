"""What a shop has anyway: companies, people, orders."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class Company(models.Model):
    slug = models.SlugField(unique=True)


class Person(AbstractUser):
    company = models.ForeignKey(Company, on_delete=models.CASCADE)


class Order(models.Model):
    number = models.CharField(max_length=100, unique=True)
    title = models.CharField(max_length=100)
