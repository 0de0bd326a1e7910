"""What a web developer calls: errors of their own, snapshots, random numbers; and models that are refused."""

import json
import shutil

import pytest

from antiphon.engine.web_bundle import file_sums

pytestmark = pytest.mark.system("npm", "chromium")

OPEN = """
    const { Antiphon, NothingPossible, BundleError, range, seeded } = await import(`${folder}/antiphon.js`);
    const model = await Antiphon.open();
    const caught = (promise) => promise.then((value) => ["fine", value], (error) => [error.name, error.message]);
"""


def asked(page, folder, body):
    return page.evaluate(f"async (folder) => {{ {OPEN} {body} }}", folder)


@pytest.mark.parametrize(
    ("constraints", "error", "says"),
    [
        ("{ voices: { 0: { max_polyphony: 1 } } }", "TypeError", "voice 0 has no max_polyphony"),
        ("{ voices: {}, until: 3 }", "TypeError", "constraints has no until"),
        ("{ voices: { 0: {} }, steer: { colour: {} } }", "TypeError", "no field colour"),
        ("{ voices: { 0: {} }, steer: { pitch: { top_p: 1 } } }", "TypeError", "steer.pitch has no top_p"),
        ("{ voices: { 0: { pitches: [200] } } }", "RangeError", "no pitch 200"),
        ("{ voices: { 999: {} } }", "RangeError", "no instrument 999"),
        ("{ voices: { 0: {} }, latest: '3' }", "TypeError", "latest of constraints must be a number"),
        ("{ voices: { 0: {} }, order: ['pitch'] }", "TypeError", "order needs"),
        ("{ voices: {} }", "NothingPossible", "no voice may strike"),
        ("{ voices: { 0: {} }, earliest: 2, latest: 1 }", "NothingPossible", "before earliest"),
        ("{ voices: { 0: { pitches: [60] } }, fixed: { pitch: 61 } }", "NothingPossible", "pitch 61"),
    ],
)
def test_a_mistake_is_an_error_that_says_which(page, folders, address, constraints, error, says):
    name, message = asked(page, f"{address}/tiny_int8", f"return caught(model.sample({constraints}))")
    assert (name, says in message) == (error, True), message


def test_errors_are_of_their_own_classes_and_no_event_is_none(page, folders, address):
    got = asked(
        page,
        f"{address}/tiny_int8",
        """
        const nothing = await model.sample({ voices: {} }).catch((error) => error instanceof NothingPossible);
        const good = { at: 0, instrument: 0, pitch: 60, velocity: 1 };
        const bad = [{ ...good, at: NaN }, { ...good, pitch: 128 }];
        const refused = await Promise.all(bad.map((event) => caught(model.feed(event))));
        model.feed(good); // not awaited: what is asked for next is answered next
        const { notes } = await model.snapshot();
        const waiting = caught(model.sample({ voices: { 0: {} } }));
        await Promise.resolve();
        model.close();
        return [nothing, refused.map(([kind]) => kind), notes, await waiting, await caught(model.feed(good))];
        """,
    )
    assert got[:3] == [True, ["RangeError", "RangeError"], [[0, 60, 0]]]
    assert got[3:] == [["Error", "the model was closed"]] * 2


def test_a_snapshot_brings_back_just_what_was_remembered(page, folders, address):
    first, again, other = asked(
        page,
        f"{address}/tiny_int8",
        """
        const voices = { 0: { maxPolyphony: 3 } };
        const future = async () => {
            const random = seeded(7);
            const events = [];
            for (let i = 0; i < 8; i++) {
                events.push(await model.sample({ voices }, random));
                await model.feed(events.at(-1));
            }
            return JSON.stringify(events);
        };
        for (let i = 0; i < 5; i++) model.feed({ at: i / 10, instrument: 0, pitch: 60 + i, velocity: 80 });
        const then = structuredClone(await model.snapshot());
        const first = await future();
        await model.restore(then);
        const again = await future();
        await model.reset();
        return [first, again, await future()];
        """,
    )
    assert first == again != other


def test_random_numbers_are_used_in_the_order_in_which_they_come(page, folders, address):
    """Through the worker as without one, though it is sent more of them than an event may need."""
    through, direct = page.evaluate(
        """async (folder) => {
            const { Antiphon, seeded } = await import(`${folder}/antiphon.js`);
            const { Model } = await import(`${folder}/lib/model.js`);
            const { Graphs } = await import(`${folder}/lib/graphs.js`);
            const ort = await import(`${folder}/ort/ort.wasm.bundle.min.mjs`);
            ort.env.wasm.numThreads = 1;
            const read = async (name) => new Uint8Array(await (await fetch(`${folder}/model/${name}`)).arrayBuffer());
            const answers = [];
            for (const model of [await Antiphon.open(), new Model(await Graphs.open(ort, read))]) {
                const random = seeded(3);
                const constraints = [{ voices: { 0: {} } }, { voices: { 5: { pitches: [60], maxVelocity: 1 } } }];
                const drawn = await Promise.all([0, 1, 0, 1, 0].map((i) => model.sample(constraints[i], random)));
                answers.push(JSON.stringify(drawn));
            }
            return answers;
        }""",
        f"{address}/tiny_fp32",
    )
    assert through == direct


def tampered(folders, name):
    """A copy of the tiny model's folder, without onnxruntime-web, to be spoilt."""
    copy = folders.root / name
    if copy.exists():
        shutil.rmtree(copy)
    shutil.copytree(folders.tiny_int8, copy, ignore=shutil.ignore_patterns("ort"))
    return copy


def refusal(browser, address, name, files=True):
    """Why a folder is not opened. A page of its own: what is missing is also told on the console."""
    page = browser.new_page()
    page.goto(f"{address}/blank.html")
    said = page.evaluate(
        """async ([address, name, files]) => {
            const { Antiphon } = await import(`${address}/${name}/antiphon.js`);
            const names = files ? ["ort/ort.wasm.bundle.min.mjs", "ort/ort-wasm-simd-threaded.wasm"] : [];
            const elsewhere = Object.fromEntries(names.map((file) => [file, `${address}/tiny_int8/${file}`]));
            return Antiphon.open({ files: elsewhere }).then(() => "", (error) => `${error.name}: ${error.message}`);
        }""",
        [address, name, files],
    )
    page.close()
    return said


@pytest.mark.parametrize("name", ["body.onnx", "pitch.onnx", "heads.bin", "vectors.json"])
@pytest.mark.parametrize("how", ["truncated", "one bit", "missing"])
def test_a_damaged_model_is_refused(browser, folders, address, name, how):
    path = tampered(folders, "damaged") / "model" / name
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.unlink()
    if how != "missing":
        path.write_bytes(raw if how == "one bit" else raw[:-7])
    said = refusal(browser, address, "damaged")
    assert said.startswith("BundleError")
    assert name in said
    assert len(said.splitlines()) == 1


def change(folder, **changes):
    about = json.loads((folder / "model" / "bundle.json").read_text())
    (folder / "model" / "bundle.json").write_text(json.dumps(about | changes))


def test_what_is_foreign_or_answers_otherwise_is_refused(browser, folders, address):
    foreign = tampered(folders, "foreign")
    change(foreign, format="something-else")
    assert "format is something-else" in refusal(browser, address, "foreign")
    change(foreign, format="antiphon-web-1", codec={"name": "stream"})
    assert "another codec" in refusal(browser, address, "foreign")
    (foreign / "model" / "bundle.json").write_text("{")
    assert refusal(browser, address, "foreign").startswith("BundleError")
    lying = tampered(folders, "lying")
    vectors = json.loads((lying / "model" / "vectors.json").read_text())
    vectors[1]["logits"][5] += 0.5
    (lying / "model" / "vectors.json").write_text(json.dumps(vectors))
    change(lying, files=file_sums(lying / "model"))
    assert "other answers" in refusal(browser, address, "lying")


def test_a_folder_without_its_runtime_says_what_to_do(browser, folders, address):
    tampered(folders, "unfinished")
    assert "npm install" in refusal(browser, address, "unfinished", files=False)
