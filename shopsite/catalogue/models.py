"""What the shop sells. Seed and unknown events write here; every other part points here."""

from django.core.validators import MaxValueValidator
from django.db import models
from django.utils import timezone


class Category(models.Model):
    """A shelf of the shop. Its hue colours the plates behind its pictures."""

    slug = models.SlugField(primary_key=True, max_length=64)
    name = models.CharField(max_length=80)
    position = models.PositiveSmallIntegerField(default=0)
    hue = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(355)], help_text="degrees, oklch; empty is grey"
    )
    picture = models.CharField(max_length=200, blank=True, help_text="its sign; a path below static/")

    class Meta:
        ordering = ["position", "slug"]
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.name

    @property
    def plate(self) -> str:
        """The class of its plates: static/shopsite/shop/hues.css has one for every fifth degree."""
        return "hue-none" if self.hue is None else f"hue-{self.hue // 5 * 5}"


class Product(models.Model):
    """One article. Its sku is the `product_id` of every event."""

    sku = models.CharField(primary_key=True, max_length=128)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    category = models.ForeignKey(
        Category, null=True, blank=True, on_delete=models.SET_NULL, related_name="products"
    )
    # null: known from an event only, so nobody has set a price
    price = models.DecimalField(max_digits=15, decimal_places=6, null=True, blank=True)
    currency = models.CharField(max_length=3, default="EUR")
    picture = models.CharField(max_length=200, blank=True, help_text="path below static/")
    listed = models.BooleanField(default=False, help_text="shown and sold in the shop")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["sku"]
        indexes = [models.Index(fields=["listed", "category"], name="product_listed")]

    def __str__(self) -> str:
        return self.title

    @property
    def plate(self) -> str:
        """The class of the plate behind its picture."""
        return self.category.plate if self.category else "hue-none"
