"""`CUDAPlace(0)` ends the process with status 255 where there are no GPUs; nothing catches it."""

import paddle


def main():
    """Name a GPU; an error is the right answer."""
    if paddle.device.is_compiled_with_cuda() and paddle.device.cuda.device_count():
        print("needs a machine without a GPU")
        return 2
    try:
        paddle.CUDAPlace(0)
    except Exception as error:
        print(f"raises {type(error).__name__}")
    else:
        print("a place on a GPU, on a machine without one")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
