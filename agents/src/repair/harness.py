"""Runs a program against assertions, goes on behind one that fails, and tells each on a line of its own.

Usage: catena_check.py PROGRAM TESTS LIMIT; a limit of 0 is none. Ends with status 0 if all hold.
"""
import ast, json, linecache, os, sys, traceback

program, tests, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
# What the program prints goes elsewhere: it is not to tell what only this file does.
out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
seen = failed = 0


class Enough(BaseException):
    pass


def tell(what):
    print("@catena " + (what if isinstance(what, str) else json.dumps(what)), file=out, flush=True)


def show(value):
    try:
        return repr(value)[:2000]
    except Exception:
        return "<%s>" % type(value).__name__


def fail(test, error=None, **more):
    global failed
    failed += 1
    what = {"test": test, **more}
    if error is not None:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == program]
        what["error"] = "%s: %s" % (type(error).__name__, error)
        if frames:
            what.update(file=program, line=frames[-1].lineno, source=frames[-1].line or None)
    tell({"failed": what})


def check(compute, test, names, equal):
    global seen
    if limit and seen >= limit:
        raise Enough
    seen += 1
    held = sys._getframe(1)
    known = held.f_locals if held.f_code.co_name != "<module>" else {}
    values = [(n, known[n]) for n in names if n in known and not callable(known[n])]
    if values:
        test += " with " + ", ".join("%s = %s" % (n, show(v)[:120]) for n, v in values)
    try:
        result = compute()
        holds = result[0] == result[1] if equal else result
        if holds:
            tell('"passed"')
        elif equal:
            fail(test, counts=True, got=show(result[0]), expected=show(result[1]))
        else:
            fail(test, counts=True)
    except (Exception, SystemExit) as error:
        fail(test, error, counts=True)


class Assertions(ast.NodeTransformer):
    def visit_Assert(self, node):
        test = node.test
        equal = isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)
        value = ast.Tuple([test.left, test.comparators[0]], ast.Load()) if equal else test
        nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
        names = sorted({n.id for n in ast.walk(test) if isinstance(n, ast.Name)})
        args = [
            ast.Lambda(nothing, value),
            ast.Constant(ast.unparse(test)),
            ast.Constant(tuple(names)),
            ast.Constant(equal),
        ]
        call = ast.Expr(ast.Call(ast.Name("__catena_check__", ast.Load()), args, []))
        return ast.copy_location(call, node)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


sys.path.insert(0, ".")
linecache.checkcache()
space = {"__name__": "program", "__catena_check__": check}
exec(compile(read(program), program, "exec"), space)
tree = Assertions().visit(ast.parse(read(tests), tests))
try:
    exec(compile(ast.fix_missing_locations(tree), tests, "exec"), space)
except Enough:
    pass
except (Exception, SystemExit) as error:
    lines = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == tests]
    fail(lines[-1].line if lines and lines[-1].line else tests, error)
if not seen and not failed:
    print("no assertion was executed", file=sys.stderr)
    sys.exit(1)
if failed:
    sys.exit(1)
tell('"done"')
