"""Runs the tests that a file holds itself: python3 catena_own.py unittest|doctest FILE [FLAG...].

The file is loaded from where it is, whatever it is called: like a module of the standard library, with blanks,
dashes or digits. FLAGs are those of doctest that the file runs its examples with.
"""
import sys

# What stands beside it takes the place of no module of ours.
sys.path.pop(0)

import doctest, importlib, importlib.util, os, unittest


def load(path):
    """The file as a module: of its package, where it is in one, so that it may import relatively."""
    folder, name = os.path.split(os.path.abspath(path))
    stem = os.path.splitext(name)[0]
    root, parts = folder, [stem]
    while os.path.isfile(os.path.join(root, "__init__.py")):
        root, above = os.path.split(root)
        parts.insert(0, above)
    sys.path[:0] = [root] if root == os.getcwd() else [root, os.getcwd()]
    if len(parts) > 1:
        importlib.import_module(".".join(parts[:-1]))
    spec = importlib.util.spec_from_file_location(".".join(parts), path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def main(kind, path, *flags):
    module = load(path)
    if kind == "doctest":
        options = 0
        for flag in flags:
            options |= doctest.OPTIONFLAGS_BY_NAME[flag]
        return doctest.testmod(module, verbose=True, optionflags=options).failed == 0
    tests = unittest.defaultTestLoader.loadTestsFromModule(module)
    return unittest.TextTestRunner().run(tests).wasSuccessful()


if __name__ == "__main__":
    sys.exit(not main(*sys.argv[1:]))
