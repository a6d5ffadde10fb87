"""`paddle.load` runs code that a file contains, whatever the file's name."""

import os
import pickle
import tempfile
from pathlib import Path

import paddle


class MakesFolder:
    """Creates a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def main():
    """Load a file that creates a folder."""
    with tempfile.TemporaryDirectory() as parent:
        folder, weights = Path(parent, "made"), Path(parent, "weights.pdparams")
        weights.write_bytes(pickle.dumps(MakesFolder(str(folder)), protocol=2))
        try:
            paddle.load(str(weights))
        except Exception as error:
            print(f"raises {type(error).__name__}")
        ran = folder.exists()
    print(f"code in the file was {'run' if ran else 'not run'}")
    return int(ran)


if __name__ == "__main__":
    raise SystemExit(main())
