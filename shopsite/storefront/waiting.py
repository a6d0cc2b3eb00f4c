"""One mail when a product is back. Product page -> ask; Celery's beat -> tell_due -> SMTP."""

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from shopsite.catalogue.models import Product
from shopsite.storefront.items import IN_STOCK, products
from shopsite.storefront.models import Waiting

log = logging.getLogger(__name__)
AT_ONCE = 200  # mails in one run of the task: the rest waits for the next


def ask(sku: str, email: str) -> None:
    """Remember the wish; the same one twice is one."""
    try:
        with transaction.atomic():
            Waiting.objects.create(product_id=sku, email=email.lower())
    except IntegrityError:
        log.debug("%s is waited for by the same address already.", sku)


def tell_due() -> int:
    """Mail to those whose product can be bought again; returns how many mails went out."""
    back = products().filter(IN_STOCK, sku__in=Waiting.objects.filter(told_at=None).values("product_id"))
    by_sku = {product.sku: product for product in back}
    due = Waiting.objects.filter(told_at=None, product__in=by_sku).order_by("pk")[:AT_ONCE]
    return sum(_tell(one, by_sku[one.product_id]) for one in due)


def _tell(waiting: Waiting, product: Product) -> bool:
    """Claim the row, then send: a crash in between loses a mail rather than repeating it."""
    mine = Waiting.objects.filter(pk=waiting.pk, told_at=None)
    if not mine.update(told_at=timezone.now()):
        return False
    try:
        _mail(waiting.email, product).send()
    except (SMTPException, OSError) as error:
        Waiting.objects.filter(pk=waiting.pk).update(told_at=None)
        log.warning("The mail that %s is back did not go out and is tried again: %s", product.sku, error)
        return False
    return True


def _mail(email: str, product: Product) -> EmailMessage:
    address = f"{settings.SHOP_ORIGIN}{reverse('product', args=[product.sku])}"
    return EmailMessage(
        subject=f"{product.title} is back",
        body=f"Hello,\n\n{product.title} is in stock again:\n{address}\n\n"
        f"You asked us to tell you once. We will not write about it again.\n\n{settings.SHOP_NAME}\n",
        to=[email],
    )
