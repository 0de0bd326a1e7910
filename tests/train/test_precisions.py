"""Fewer bits are written as the operator wants them, pass parity or are refused, and say what they cost."""

import json
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from antiphon.engine import Bundle, open_model
from antiphon.faces.cli import main
from antiphon.train import quantise
from antiphon.train.checkpoint import RunError, save
from antiphon.train.export import _APART, export, write_graphs
from antiphon.train.graphs import OPSET
from antiphon.train.nets import StreamNet
from antiphon.train.quantise import PRECISIONS, four_bits
from antiphon.train.replay import pieces_of
from antiphon.train.thaw import thawed
from tests.train.small import TINY, small_corpus
from tests.train.test_export import net_of

WIDE = replace(TINY, width=96)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return small_corpus(tmp_path_factory.mktemp("small"))


@pytest.mark.parametrize("shape", [(32, 5), (100, 7), (6, 3)])
def test_four_bits_multiply_as_they_are_unpacked(shape):
    rng = np.random.default_rng(0)
    weight, x = rng.standard_normal(shape).astype(np.float32), rng.standard_normal((1, shape[0])).astype(np.float32)
    packed, scales = four_bits(weight, 32)
    whole = np.stack([packed & 15, packed >> 4], -1).reshape(*packed.shape[:2], -1).astype(np.float32) - 8
    unpacked = (whole * scales[..., None]).reshape(shape[1], -1)[:, : shape[0]].T
    assert np.abs(unpacked - weight).max() <= np.abs(scales).max()
    attributes = {"K": shape[0], "N": shape[1], "bits": 4, "block_size": 32}
    node = onnx.helper.make_node("MatMulNBits", ["x", "w", "s"], ["y"], domain="com.microsoft", **attributes)
    f32 = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [node],
        "four",
        [onnx.helper.make_tensor_value_info("x", f32, x.shape)],
        [onnx.helper.make_tensor_value_info("y", f32, [1, shape[1]])],
        [onnx.numpy_helper.from_array(packed, "w"), onnx.numpy_helper.from_array(scales, "s")],
    )
    opsets = [onnx.helper.make_opsetid("", OPSET), onnx.helper.make_opsetid("com.microsoft", 1)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    (y,) = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})
    np.testing.assert_allclose(y, x @ unpacked, atol=1e-4)


def test_zeros_stay_zeros_in_four_bits():
    packed, scales = four_bits(np.zeros((64, 3), np.float32), 32)
    assert (packed == 0x88).all()
    assert not scales.any()


@pytest.mark.parametrize("body", ["gru", "transformer"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_bundle_of_each_precision_is_opened_and_its_graphs_are_as_it_says(corpus, tmp_path, body, precision):
    about = export(
        net_of(body), tmp_path / "b", name="b", precision=precision, split=corpus.split("valid"), one_graph=True
    )
    model = open_model(tmp_path / "b")
    assert isinstance(model.bundle, Bundle)
    assert model.bundle.verify() < 1e-3
    assert about["drawn_alike"] > (0.98 if precision == "fp32" else 0.7)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    assert set(about["graphs"]) == {"body.onnx", "heads.onnx", "event.onnx"}
    for name, said in about["graphs"].items():
        graph = ort.InferenceSession(tmp_path / "b" / name, options, providers=["CPUExecutionProvider"])
        needed = [row for row in said["inputs"] if not row.get("optional")]
        optional = [row for row in said["inputs"] if row.get("optional")]
        for rows, real in (
            (needed, graph.get_inputs()),
            (optional, graph.get_overridable_initializers()),
            (said["outputs"], graph.get_outputs()),
        ):
            kinds = {"float32": "tensor(float)", "int64": "tensor(int64)"}
            wanted = [(row["name"], kinds[row["dtype"]], row["shape"]) for row in rows]
            assert wanted == [(value.name, value.type, value.shape) for value in real]
        opsets = {o.domain: o.version for o in onnx.load(tmp_path / "b" / name).opset_import}
        assert opsets.pop("") == OPSET
        assert set(opsets.values()) <= {1}


def test_the_static_graph_multiplies_whole_numbers(corpus, tmp_path):
    """Were a product not fused, its weights would be unpacked at every call."""
    export(net_of("gru"), tmp_path / "b", name="b", precision="int8-static", split=corpus.split("valid"))
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    ort.InferenceSession(tmp_path / "b" / "body.onnx", options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert kinds.count("QGemm") == 6
    assert "Gemm" not in kinds
    assert "MatMul" not in kinds


@pytest.mark.parametrize("precision", ["int8-static", "int4w"])
def test_what_was_rounded_wrongly_is_not_exported(tmp_path, monkeypatch, precision):
    def scrambled(path, *args, **more):
        real(path, *args, **more)
        model = onnx.load(path)
        for tensor in model.graph.initializer:
            if tensor.name.endswith("_scale"):
                turned = np.flip(onnx.numpy_helper.to_array(tensor)) * np.float32(3)
                tensor.CopyFrom(onnx.numpy_helper.from_array(np.ascontiguousarray(turned), tensor.name))
        onnx.save(model, path)

    real = quantise.quantise
    monkeypatch.setattr("antiphon.train.export.quantise", scrambled)
    with pytest.raises(RunError, match="differ from the net's"):
        export(net_of("gru"), tmp_path / "b", name="b", precision=precision)
    assert list(tmp_path.iterdir()) == []


def test_a_net_that_eight_bits_do_not_carry_is_exported_in_full_precision_unless_they_are_asked_for(
    corpus, run, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("antiphon.faces.precisions.LENGTH", 8)
    monkeypatch.setitem(_APART, "int8", -1.0)
    words = ["--corpus", str(corpus.folder), "--events", "150"]
    assert main(["export", str(run), "-o", str(tmp_path / "b"), *words]) == 0
    assert "in full precision, since in int8 the graphs' odds differ" in capsys.readouterr().out
    assert json.loads((tmp_path / "b" / "bundle.json").read_text())["precision"] == "fp32"
    assert main(["export", str(run), "-o", str(tmp_path / "c"), "--precision", "int8", *words]) == 1
    said = capsys.readouterr().err
    assert "take --precision fp32" in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("precision", ["int8-static", "int4w"])
def test_weights_that_cannot_be_read_back_are_not_trained_on(tmp_path, precision):
    export(net_of("gru"), tmp_path / "b", name="b", precision=precision)
    with pytest.raises(RunError, match="cannot be trained on"):
        thawed(tmp_path / "b")


def test_fewer_bits_take_less_room(tmp_path):
    net, sizes = StreamNet(WIDE).eval(), {}
    for precision in PRECISIONS:
        (tmp_path / precision).mkdir()
        write_graphs(net, tmp_path / precision, precision, pieces=pieces_of(None))
        sizes[precision] = (tmp_path / precision / "body.onnx").stat().st_size
    assert sizes["int4w"] < sizes["int8"] < sizes["fp32"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    save(folder / "best.safetensors", net_of("gru"), {"step": 1, "seconds": 60.0, "validation": {}})
    return folder


def test_the_report_tells_of_all_precisions_and_is_kept(corpus, run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("antiphon.faces.precisions.LENGTH", 8)
    words = ["--precision", "int4w", "--report", "--corpus", str(corpus.folder), "--events", "150"]
    assert main(["export", str(run), "-o", str(tmp_path / "b"), *words, "--json", str(tmp_path / "r.json")]) == 0
    said = capsys.readouterr().out
    figures = json.loads((tmp_path / "r.json").read_text())["precisions"]
    for precision in PRECISIONS:
        assert f"\n  {precision} " in said
        row = figures[precision]
        assert row["nats_per_event"] > 0
        assert row["ms_per_event"] > 0
        assert 0 <= row["same_events"] <= 1
    whole = figures["fp32"]
    assert (whole["same_events"], whole["until_different"], whole["same_given_past"]) == (1, 8, 1)
    assert abs(figures["int8"]["nats_more"]) < 0.01
    assert figures["int4w"]["megabytes"] < figures["int8"]["megabytes"] < whole["megabytes"]
    assert json.loads((tmp_path / "b" / "bundle.json").read_text())["measured"] == figures["int4w"]
    assert main(["verify", str(tmp_path / "b")]) == 0


def test_a_bundle_is_exported_again_with_a_graph_for_whole_events(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("antiphon.faces.precisions.LENGTH", 4)
    assert main(["export", str(run), "-o", str(tmp_path / "a"), "--precision", "fp32", "--name", "first"]) == 0
    assert main(["export", str(tmp_path / "a"), "-o", str(tmp_path / "b"), "--precision", "fp32", "--one-graph"]) == 0
    assert (tmp_path / "b" / "ort_duet.cpp").is_file()
    assert main(["verify", str(tmp_path / "b")]) == 0
    assert "first" in capsys.readouterr().out
    one, other = (open_model(tmp_path / name) for name in "ab")
    now = one.snapshot()
    nothing = np.zeros((1, 4), np.int64), np.zeros((1, 4), np.float32), now.sounding
    np.testing.assert_allclose(
        one.bundle.logits(0, now.base, *nothing), other.bundle.logits(0, other.snapshot().base, *nothing), atol=1e-5
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--target", "cpp", "--precision", "int4w"], "takes --precision int8 or fp32"),
        (["--target", "cpp", "--one-graph"], "takes --precision int8 or fp32"),
        (["--events", "0"], "1 or more"),
    ],
)
def test_what_does_not_go_together_is_told_in_one_line(run, tmp_path, capsys, words, says):
    assert main(["export", str(run), "-o", str(tmp_path / "b"), *words]) == 1
    error = capsys.readouterr().err
    assert says in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "b").exists()
