"""Whether an error of a library says that the GPU, or the process's hold on it, is broken.

After some errors of CUDA the process is in an inconsistent state, every further call fails in the same way, and the
process must be ended and begun anew; NVIDIA's CUDA Runtime API says so of each of them (cudaError_t). Libraries pass
the sentence of the driver on: PyTorch in `torch.AcceleratorError` (RuntimeError before 2.8), XLA in `XlaRuntimeError`
(`jax.errors.JaxRuntimeError`). No library is imported here. Too little memory is no fault: the next call may fit.
"""

from __future__ import annotations

import re

from backline.errors import Unavailable

GPU_FAULT = "gpu_fault"
"""The code of the error of an engine whose GPU is broken: nothing more comes of its process."""

_TYPES = frozenset({"AcceleratorError", "XlaRuntimeError", "JaxRuntimeError"})
_XLA_TYPES = frozenset({"XlaRuntimeError", "JaxRuntimeError"})

_CODES = frozenset({46, 100, 214, 220, 700, 702, 710, 714, 715, 716, 717, 718, 719, 999})
"""Of cudaError_t, in the order of the sentences below."""

_SENTENCES = re.compile(
    r"""CUDA-capable\ device\(s\)\ is/are\ busy\ or\ unavailable
    | no\ CUDA-capable\ device\ is\ detected
    | uncorrectable\ ECC\ error | CUDA_ERROR_ECC_UNCORRECTABLE
    | uncorrectable\ NVLink\ error | CUDA_ERROR_NVLINK_UNCORRECTABLE
    | an\ illegal\ memory\ access\ was\ encountered | CUDA_ERROR_ILLEGAL_ADDRESS
    | the\ launch\ timed\ out\ and\ was\ terminated | CUDA_ERROR_LAUNCH_TIMEOUT
    | device-side\ assert\ triggered | CUDA_ERROR_ASSERT
    | hardware\ stack\ error | CUDA_ERROR_HARDWARE_STACK_ERROR
    | an\ illegal\ instruction\ was\ encountered | CUDA_ERROR_ILLEGAL_INSTRUCTION
    | misaligned\ address | CUDA_ERROR_MISALIGNED_ADDRESS
    | operation\ not\ supported\ on\ global/shared\ address\ space | CUDA_ERROR_INVALID_ADDRESS_SPACE
    | invalid\ program\ counter | CUDA_ERROR_INVALID_PC
    | unspecified\ launch\ failure | CUDA_ERROR_LAUNCH_FAILED
    | CUDA\ error:\ unknown\ error | CUDA_ERROR_UNKNOWN
    | (CUBLAS|CUDNN)_STATUS_EXECUTION_FAILED""",
    re.VERBOSE | re.IGNORECASE,
)
"""How the driver says them (cuGetErrorString), by which name (cuGetErrorName), and what cuBLAS and cuDNN say then."""

_MEMORY = re.compile(r"out of memory|RESOURCE_EXHAUSTED", re.IGNORECASE)
_DEEPEST = 10


def is_gpu_fault(error: BaseException) -> bool:
    """Of the error, or of what caused it."""
    cause: BaseException | None = error
    for _ in range(_DEEPEST):
        if cause is None:
            return False
        if _is_fault(cause):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def gpu_fault() -> Unavailable:
    """What a caller is told: another machine, or the same after a new start, can do it."""
    return Unavailable("The GPU failed. Try again.", code="gpu_fault")


def _is_fault(error: BaseException) -> bool:
    kind, message = type(error).__name__, str(error)
    if _MEMORY.search(message):
        return False
    if kind == "AcceleratorError" and getattr(error, "error_code", None) in _CODES:
        return True
    if kind in _XLA_TYPES and message.startswith("INTERNAL"):  # XLA's own code for a broken invariant
        return True
    told_by_cuda = kind in _TYPES or "cuda" in message.lower() or "CUBLAS" in message or "CUDNN" in message
    return told_by_cuda and _SENTENCES.search(message) is not None
