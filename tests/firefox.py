"""Drive Firefox by WebDriver BiDi, the protocol that it speaks by itself: no other program stands between."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

from tornado.websocket import WebSocketClientConnection, websocket_connect

NAMES = ("firefox-esr", "firefox")
# No call of its own, and no host but this machine: a proxy at which nobody answers stands before all others.
PREFERENCES = {
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "network.proxy.no_proxies_on": "127.0.0.1",
    "toolkit.telemetry.enabled": False,
}


def program() -> str | None:
    """Path of Firefox, which the variable FIREFOX may name."""
    return os.environ.get("FIREFOX") or next(filter(None, map(shutil.which, NAMES)), None)


class Firefox:
    """A Firefox without a window, with one page."""

    def __init__(self, folder: Path, seconds: float = 120) -> None:
        lines = [f'user_pref("{key}", {json.dumps(value)});' for key, value in PREFERENCES.items()]
        (folder / "user.js").write_text("\n".join(lines), encoding="utf-8")
        path = program()
        assert path is not None
        command = [path, "--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", str(folder)]
        with (folder / "log").open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"HOME": str(folder)})
        self.loop = asyncio.new_event_loop()  # in a thread of its own, since Playwright has one in this
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.seconds, self.number = seconds, 0
        self.socket: WebSocketClientConnection = self._wait(self._connect(folder / "log"))
        self.send("session.new", capabilities={})
        self.page = self.send("browsingContext.create", type="tab")["context"]

    def _wait(self, something: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(something, self.loop).result(self.seconds)

    async def _connect(self, log: Path) -> WebSocketClientConnection:
        while not (found := re.search(r"BiDi listening on (\S+)", log.read_text(encoding="utf-8"))):
            assert self.process.poll() is None, log.read_text(encoding="utf-8")
            await asyncio.sleep(0.1)
        return await websocket_connect(f"{found[1]}/session", max_message_size=2**28)

    def send(self, method: str, **options: Any) -> Any:
        """Send a command, and wait for what it gives back."""
        self.number += 1
        return self._wait(self._send({"id": self.number, "method": method, "params": options}))

    async def _send(self, message: dict[str, Any]) -> Any:
        await self.socket.write_message(json.dumps(message))
        while (heard := await self.socket.read_message()) is not None:
            answer = json.loads(heard)
            if answer.get("id") == message["id"]:
                assert answer["type"] == "success", answer
                return answer["result"]
        raise ConnectionError("Firefox has ended")

    def open(self, address: str) -> None:
        """Open a page, and give it the keyboard."""
        self.send("browsingContext.navigate", context=self.page, url=address, wait="complete")
        self.send("browsingContext.activate", context=self.page)

    def evaluate(self, code: str) -> Any:
        """Run JavaScript in the page, wait for what it promises, and give it back, which JSON can hold."""
        answer = self.send(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({code})))()",
            target={"context": self.page},
            awaitPromise=True,
            userActivation=True,
        )
        assert answer["type"] == "success", answer
        return json.loads(answer["result"].get("value", "null"))

    def press(self, *keys: str) -> None:
        """Press keys one after another where the keyboard is; a key is a character, or its code in WebDriver."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.send("input.performActions", context=self.page, actions=[{"type": "key", "id": "k", "actions": actions}])

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(20)
        self._wait(self._disconnect())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def _disconnect(self) -> None:
        self.socket.close()
