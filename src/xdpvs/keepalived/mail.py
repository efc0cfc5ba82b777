"""Alerts by mail, from a thread: a mail server that hangs holds up nothing but later mail."""

from __future__ import annotations

import logging
import queue
import smtplib
import threading
from email.message import EmailMessage
from email.utils import formatdate

from xdpvs.model.keepalived import MailSettings

_log = logging.getLogger(__name__)

MAX_WAITING = 200


class Mailer:
    """send() is for the event loop; failures are logged."""

    def __init__(self) -> None:
        self.settings = MailSettings()
        self._queue: queue.Queue[tuple[MailSettings, str, str] | None] = queue.Queue(MAX_WAITING)
        self._thread: threading.Thread | None = None

    def send(self, subject: str, body: str) -> None:
        """Queue a mail, if the configuration says where to."""
        settings = self.settings
        if not settings.server or not settings.recipients:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="mail", daemon=True)
            self._thread.start()
        try:
            self._queue.put_nowait((settings, subject, body))
        except queue.Full:
            _log.error("too many mails wait for %s: dropped: %s", settings.server, subject)

    def close(self, timeout_s: float) -> None:
        """Let what waits go out in time."""
        if self._thread is not None:
            try:
                self._queue.put(None, timeout=timeout_s)
            except queue.Full:
                return
            self._thread.join(timeout_s)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            settings, subject, body = item
            try:
                _deliver(settings, subject, body)
            except (OSError, smtplib.SMTPException, ValueError) as error:
                _log.error("mail to %s port %d failed: %s", settings.server, settings.port, error)


def _deliver(settings: MailSettings, subject: str, body: str) -> None:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.recipients)
    message["Date"] = formatdate(localtime=True)
    message["X-Mailer"] = "Keepalived"
    message.set_content(body)
    host = settings.helo_name or None
    with smtplib.SMTP(settings.server, settings.port, host, timeout=settings.connect_timeout_s) as connection:
        connection.send_message(message)
