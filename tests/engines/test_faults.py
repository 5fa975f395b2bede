"""Which errors say that a GPU is broken: as the libraries write them."""

from __future__ import annotations

import pytest

from backline.engines.faults import is_gpu_fault


class AcceleratorError(RuntimeError):
    """PyTorch's, by its name."""

    error_code: int | None = None


class OutOfMemoryError(RuntimeError):
    """PyTorch's, by its name."""


class XlaRuntimeError(RuntimeError):
    """jaxlib's, by its name."""


class CodedError(AcceleratorError):
    """Says nothing but its number."""


CodedError.__name__ = "AcceleratorError"
ILLEGAL = "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be asynchronously reported"

FAULTS = {
    "torch": AcceleratorError(ILLEGAL),
    "torch before 2.8": RuntimeError(ILLEGAL),
    "torch, launch": AcceleratorError("CUDA error: unspecified launch failure"),
    "torch, assert": AcceleratorError("CUDA error: device-side assert triggered"),
    "torch, memory": AcceleratorError("CUDA error: uncorrectable ECC error encountered"),
    "torch, gone": RuntimeError("No CUDA GPUs: CUDA-capable device(s) is/are busy or unavailable"),
    "torch, cuBLAS": RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`"),
    "torch, cuDNN": RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    "jax": XlaRuntimeError("INTERNAL: Failed to launch CUDA kernel: CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory"),
    "jax, its own": XlaRuntimeError("INTERNAL: the stream is in an error state"),
    "others": OSError("cudaErrorLaunchFailure: CUDA_ERROR_LAUNCH_FAILED"),
}
NONE = {
    "torch, memory": OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    "torch, the driver's memory": AcceleratorError("CUDA error: out of memory"),
    "torch, a mistake": RuntimeError("CUDA error: invalid argument"),
    "torch, another chip": RuntimeError("CUDA error: no kernel image is available for execution on the device"),
    "cuBLAS, memory": RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    "jax, memory": XlaRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1000 bytes."),
    "jax, memory inside": XlaRuntimeError("INTERNAL: RET_CHECK failure: out of memory"),
    "jax, a mistake": XlaRuntimeError("INVALID_ARGUMENT: Argument does not match host shape"),
    "not of a GPU": ValueError("misaligned address"),
    "a text about one": ValueError("cannot read: hello"),
}


@pytest.mark.parametrize("error", FAULTS.values(), ids=FAULTS)
def test_a_broken_gpu_is_known(error: Exception) -> None:
    assert is_gpu_fault(error)


@pytest.mark.parametrize("error", NONE.values(), ids=NONE)
def test_other_failures_are_none(error: Exception) -> None:
    assert not is_gpu_fault(error)


def test_a_number_is_enough() -> None:
    error = CodedError("it failed")
    error.error_code = 719
    assert is_gpu_fault(error)
    error.error_code = 1
    assert not is_gpu_fault(error)


def test_what_caused_an_error_counts() -> None:
    error = ValueError("The model failed.")
    error.__cause__ = AcceleratorError(ILLEGAL)
    assert is_gpu_fault(error)
    error.__cause__ = error  # a circle
    assert not is_gpu_fault(error)
