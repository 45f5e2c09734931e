"""In the frames of a video the browser's two networks take turns (static/frames.js)."""

import pytest

pytestmark = pytest.mark.browser

LEFT, MOVED, RIGHT, BELOW = (
    [0, 0, 100, 100], [10, 0, 100, 100], [300, 0, 100, 100], [0, 300, 100, 100],
)  # fmt: skip

SCRIPT = """async ([frames]) => {
    const { Frames } = await import("/frames.js");
    let boxes, done;
    const find = async () => { done.found = true; return boxes.map((box) => ({ box })); };
    const name = async (image, faces) => {
        done.named = faces.map(({ box }) => box);
        return faces.map(() => [done.frame]);
    };
    const video = new Frames(find, name), answers = [];
    for (const [frame, [now, seen, width]] of frames.entries()) {
        boxes = seen;
        done = { frame, found: false, named: [] };
        const faces = await video.recognise({ width: width ?? 640, height: 480 }, now);
        const shown = faces.map(({ box, probabilities }) => [box, probabilities[0]]);
        answers.push({ ...done, shown });
    }
    return answers;
}"""


def shown(script_page, *frames):
    """Return what happened in each frame; a face's emotion is the frame in which it was named."""
    return script_page.evaluate(SCRIPT, [list(frames)])


def test_one_frame_finds_the_faces_and_the_next_names_them(script_page):
    answers = shown(script_page, (0, [LEFT]), (40, [LEFT]), (80, [MOVED]), (120, [MOVED]))
    assert [answer["found"] for answer in answers] == [True, False, True, False]
    assert [answer["named"] for answer in answers] == [[LEFT], [LEFT], [], [MOVED]]
    # the third frame shows where the face is now, with the emotion of the second
    assert [answer["shown"] for answer in answers] == [
        [[LEFT, 0]], [[LEFT, 1]], [[MOVED, 1]], [[MOVED, 3]],
    ]  # fmt: skip


def test_a_new_face_is_named_at_once(script_page):
    answers = shown(script_page, (0, [LEFT]), (40, [LEFT]), (80, [RIGHT, MOVED]))
    assert answers[2]["named"] == [RIGHT]
    assert answers[2]["shown"] == [[RIGHT, 2], [MOVED, 1]]


def test_of_three_faces_two_are_named_in_a_frame_and_the_third_in_the_next(script_page):
    faces = [LEFT, RIGHT, BELOW]
    answers = shown(script_page, *((40 * k, faces) for k in range(6)))
    named = [answer["named"] for answer in answers]
    assert named == [faces, [LEFT, RIGHT], [], [BELOW, LEFT], [], [RIGHT, LEFT]]
    # the last frame: each emotion is of one of the last three frames
    assert answers[5]["shown"] == [[LEFT, 5], [RIGHT, 5], [BELOW, 3]]


def test_every_frame_without_a_face_is_searched(script_page):
    answers = shown(script_page, (0, []), (40, []), (80, [LEFT]))
    assert [answer["found"] for answer in answers] == [True, True, True]


@pytest.mark.parametrize("last", [(2000, [LEFT]), (80, [LEFT], 320)], ids=["break", "size"])
def test_another_video_starts_anew(script_page, last):
    *_, answer = shown(script_page, (0, [LEFT]), last)
    assert answer["found"] and answer["named"] == [LEFT]
