// Deals the one-letter names of minified code anew, so that gzip finds more repeats. Any permutation of names is as right as
// esbuild's; this one is searched for once (node build.mjs --names) and kept in names.json, so that every build gives the
// same bytes. If the source has changed since, the permutation is still right, if not as good.

import ts from 'typescript';

const LETTERS = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ$_'];

// Returns the code cut at its own names: text, name, text, name, …, text.
function cut(code) {
  const file = ts.createSourceFile('snippet.js', code, ts.ScriptTarget.ES2020, true, ts.ScriptKind.JS);
  const found = [];
  const declared = new Set();
  const visit = (node) => {
    const { parent } = node;
    if (ts.isIdentifier(node)) {
      const isProperty =
        (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
        ((ts.isPropertyAssignment(parent) || ts.isMethodDeclaration(parent)) && parent.name === node) ||
        (ts.isBindingElement(parent) && parent.propertyName === node);
      if (!isProperty) found.push(node);
      if ((ts.isVariableDeclaration(parent) || ts.isParameter(parent) || ts.isBindingElement(parent)) && parent.name === node)
        declared.add(node.text);
      if (ts.isShorthandPropertyAssignment(parent) || (ts.isBindingElement(parent) && !parent.propertyName && !parent.dotDotDotToken && ts.isObjectBindingPattern(parent.parent)))
        throw new Error(`${node.text} is both a name and a property: that cannot be renamed`);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  const pieces = [];
  let end = 0;
  for (const node of found.filter(({ text }) => declared.has(text))) {
    pieces.push(code.slice(end, node.getStart(file)), node.text);
    end = node.getEnd();
  }
  return [...pieces, code.slice(end)];
}

const join = (pieces, to) => pieces.map((piece, i) => (i % 2 ? (to.get(piece) ?? piece) : piece)).join('');

export const rename = (code, permutation) => join(cut(code), new Map(Object.entries(permutation)));

// Climbs from esbuild's names by exchanging two at a time; size(code) is what is to become less.
export function search(code, size, steps = 100_000) {
  const pieces = cut(code);
  const names = [...new Set([...pieces.filter((_, i) => i % 2), ...LETTERS])];
  const to = new Map(names.map((name) => [name, name]));
  let seed = 1;
  const any = () => names[(seed = (seed * 48_271) % 0x7fffffff) % names.length];
  let best = size(code);
  for (let step = 0; step < steps; step++) {
    const [a, b] = [any(), any()];
    const [was, is] = [to.get(a), to.get(b)];
    to.set(a, is).set(b, was);
    const now = size(join(pieces, to));
    if (now <= best) best = now;
    else to.set(a, was).set(b, is);
  }
  return Object.fromEntries([...to].filter(([from, name]) => from !== name));
}
