"""The browser that pages are looked at with: Debian's Chromium, without a frame where that is
installed, drawing with the processor."""

import shutil

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
# WebGL by the processor; the pages around it without a graphics card, not with one acted.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu-compositing",
    "--disable-gpu-rasterization",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-background-networking",
    "--disable-quic",
]
