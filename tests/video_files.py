"""Small videos that tests write: any time stamps, sound, rotation, trimmed; and a camera."""

import math
import struct
import threading
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import av
import cv2
import numpy as np


def write(path, images, times, *, end=None, sound=None, codec="libx264"):
    """Write frames at these moments, in seconds; the last one is shown up to `end`.

    `sound` is the codec of a tone of 440 Hz that lasts as long.
    """
    end = times[-1] + (times[-1] - times[-2]) if end is None else end
    ends = [*times[1:], end]
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=Fraction(len(times) / end).limit_denominator(1000))
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        track = output.add_stream(sound, rate=48_000, layout="stereo") if sound else None
        lasting = {round(1000 * a): round(1000 * (b - a)) for a, b in zip(times, ends, strict=True)}

        def mux(packets):
            for packet in packets:
                packet.duration = lasting[packet.pts]
                output.mux(packet)

        for image, seconds in zip(images, times, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24")
            frame.pts, frame.time_base = round(1000 * seconds), Fraction(1, 1000)
            mux(stream.encode(frame))
        mux(stream.encode(None))
        if track:
            wave = np.sin(2 * np.pi * 440 * np.arange(round(48_000 * end)) / 48_000)
            for start in range(0, len(wave), 960):
                part = (9_000 * wave[start : start + 960]).astype(np.int16)
                samples = av.AudioFrame.from_ndarray(np.repeat(part, 2)[None], "s16", "stereo")
                samples.rate, samples.pts, samples.time_base = 48_000, start, Fraction(1, 48_000)
                output.mux(track.encode(samples))
            output.mux(track.encode(None))
    return path


def trim(path, seconds):
    """Trim an MP4 file as phones do: only the edit lists say that less is shown."""
    content = bytearray(path.read_bytes())
    scale = struct.unpack_from(">I", content, content.index(b"mvhd") + 16)[0]
    place = content.find(b"elst")
    while place >= 0:
        content[place + 12 : place + 16] = struct.pack(">I", round(scale * seconds))
        place = content.find(b"elst", place + 4)
    path.write_bytes(content)
    return path


def turn(path, degrees=90):
    """Mark an MP4 file as recorded with the phone held upright: a matrix in the track's header."""
    assert degrees == 90
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40
    turned = (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    content[matrix : matrix + 36] = struct.pack(">9i", *turned)
    path.write_bytes(content)
    return path


@contextmanager
def served(folder):
    """Serve the files of a folder over HTTP, and yield the address."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


class Camera:
    """A camera in place of cv2.VideoCapture: it gives the same RGB picture again and again.

    Ctrl+C is pressed after `frames` of them; by default never.
    """

    def __init__(self, image, frames=math.inf):
        self.image, self.left = image, frames

    def get(self, what):
        facts = {cv2.CAP_PROP_FRAME_WIDTH: 640, cv2.CAP_PROP_FRAME_HEIGHT: 480}
        return facts.get(what, 30 if what == cv2.CAP_PROP_FPS else -1)

    def isOpened(self):  # noqa: N802
        return True

    def grab(self):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return True

    def retrieve(self):
        return True, self.image[..., ::-1]

    def release(self):
        pass


def times(path):
    """Return when each frame is shown, as FFmpeg decodes the file, in seconds."""
    with av.open(str(path)) as opened:
        return [frame.time for frame in opened.decode(video=0)]


def facts(path):
    """Return the codecs of a file, its duration in seconds, and how long its sound is."""
    with av.open(str(path)) as opened:
        codecs = [stream.codec_context.name for stream in opened.streams]
        pixels = opened.streams.video[0].codec_context.pix_fmt
        length = opened.duration / av.time_base
        heard = 0.0
        if opened.streams.audio:
            heard = sum(frame.samples / frame.rate for frame in opened.decode(audio=0))
    return codecs, pixels, length, heard
