#!/usr/bin/env python3
"""check_json.py [--fit] SCHEMA DOCUMENT...: checks JSON documents against a JSON Schema, for unknown and missing members.

Three things can go wrong, and each is printed:
  - a document does not fit the schema (a member that the schema does not know is one such misfit, a missing one another);
  - the schema is too lax: it accepts a document to which a member was added, or from which a required one was taken.
    This is tried once for each kind of object that occurs;
  - the schema names a member that no document has: either the tool does not write it, or no test makes it write it.
--fit: only the first is asked.
"""
import copy
import json
import sys

import jsonschema


def objects(schema, node, at=""):
    """All objects of the schema that have members, with where they stand."""
    if isinstance(node, dict):
        if "properties" in node:
            yield at, node
        for key, value in node.items():
            yield from objects(schema, value, at + "/" + key)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from objects(schema, value, f"{at}/{index}")


def observer(schema, seen, examples):
    """A validator that notes which members were seen, and an example of each kind of object."""
    where = {id(node): at for at, node in objects(schema, schema)}
    base = jsonschema.Draft202012Validator

    def properties(validator, members, instance, node):
        if isinstance(instance, dict):
            at = where[id(node)]
            seen.setdefault(at, set()).update(instance.keys() & members.keys())
            examples.setdefault(at, []).append(instance)
        yield from base.VALIDATORS["properties"](validator, members, instance, node)

    return jsonschema.validators.extend(base, {"properties": properties})(schema)


def laxities(schema, document, kinds, tried):
    """Changes of a sound document that the schema accepts and should not, at objects of kinds that were not tried."""
    plain = jsonschema.Draft202012Validator(schema)

    def walk(node):
        if isinstance(node, dict):
            kind = frozenset(node)
            if kind not in tried:
                tried.add(kind)
                node["unknown_member"] = 1
                if plain.is_valid(document):
                    yield f"accepts an unknown member in an object with {sorted(kind)}"
                del node["unknown_member"]
                for key in sorted(kind):
                    if not any(key in required and kind >= required for required in kinds):
                        continue
                    value = node.pop(key)
                    if plain.is_valid(document):
                        yield f"accepts an object with {sorted(kind)} without '{key}'"
                    node[key] = value
            for value in list(node.values()):
                yield from walk(value)
        elif isinstance(node, list):
            for value in node:
                yield from walk(value)

    yield from walk(document)


def main():
    fit = sys.argv[1] == "--fit"
    names = sys.argv[2 if fit else 1 :]
    schema = json.load(open(names[0]))
    jsonschema.Draft202012Validator.check_schema(schema)
    seen, examples, tried, wrong = {}, {}, set(), []
    validator = observer(schema, seen, examples)
    required = [frozenset(node.get("required", [])) for _, node in objects(schema, schema)]
    for path in names[1:]:
        try:
            document = json.load(open(path))
        except ValueError as error:
            wrong.append(f"{path}: {error}")
            continue
        for error in validator.iter_errors(document):
            wrong.append(f"{path}: {error.json_path}: {error.message[:300]}")
        if not wrong and not fit:
            changed = copy.deepcopy(document)
            wrong += [f"schema, by {path}: {what}" for what in laxities(schema, changed, required, tried)]
    for at, node in objects(schema, schema) if not fit else []:
        for key in node["properties"].keys() - seen.get(at, set()):
            wrong.append(f"schema: {at}: no document has '{key}'")
    print("\n".join(wrong[:40]), end="\n" if wrong else "")
    sys.exit(1 if wrong else 0)


main()
