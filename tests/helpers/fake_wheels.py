"""Small wheels in a folder, which pip and uv install without a network."""

import zipfile
from pathlib import Path

# Everything that an environment of a comparison gets, beside Paddle.
OTHERS = (
    *("numpy-2.4.0", "setuptools-84.0", "tqdm-4.70", "filelock-4.0", "pydantic-2.8"),
    *("pytest-9.2", "pytest_benchmark-5.3.1", "pytest_xdist-3.8", "pytest_codspeed-5.0.4"),
)


def write_wheel(folder: Path, release: str, tags: str = "py3-none-any", code: str = "") -> Path:
    """Write a wheel with one module, and return its path.

    Args:
        folder: folder of the wheel.
        release: name and version, with a dash between them.
        tags: Python, interface and system that it is for.
        code: content of the module, which is called `paddle` in a wheel of Paddle.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name, version = release.split("-")
    module = "paddle" if name.startswith("paddlepaddle") else name
    facts = f"{release}.dist-info"
    files = {
        f"{module}.py": code,
        f"{facts}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{facts}/WHEEL": f"Wheel-Version: 1.0\nGenerator: a\nRoot-Is-Purelib: true\nTag: {tags}\n",
    }
    files[f"{facts}/RECORD"] = "".join(f"{name},,\n" for name in (*files, f"{facts}/RECORD"))
    path = folder / f"{release}-{tags}.whl"
    with zipfile.ZipFile(path, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path
