// Node's user-land snapshot: SHAPE=... N=... node --snapshot-blob FILE --build-snapshot work.js; then node --snapshot-blob FILE
'use strict';
const v8 = require('v8');

const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/';
const shape = process.env.SHAPE;
const n = Number(process.env.N);

function hash(i) {
  const x = (i * 2654435761) % 4294967296;
  return (x ^ (x >>> 15)) >>> 0;
}

// A text of its own, not a slice of the alphabet.
function value(h) {
  const start = (h >>> 8) % 24;
  return Buffer.from(alphabet.slice(start, start + 8 + h % 33), 'latin1').toString('latin1');
}

const key = (i) => 'key-' + String(i).padStart(7, '0');

// vector: of values; map: a sorted array of keys and one of pairs, searched by halving (there is no ordered map); hash: a Map.
function build() {
  const values = [];
  for (let i = 0; i < n; i++) values.push(shape === 'vector' ? value(hash(i)) : [value(hash(i)), hash(i)]);
  if (shape === 'vector') return values;
  if (shape === 'map') return { keys: values.map((_, i) => key(i)), values };
  return new Map(values.map((pair, i) => [key(i), pair]));
}

function find(keys, wanted) {
  let low = 0;
  let high = keys.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (keys[middle] <= wanted) low = middle;
    else high = middle;
  }
  return low;
}

const foldNumber = (sum, number) => (sum * 31 + number) % 1000000007;

function foldText(sum, text) {
  for (let at = 0; at < text.length; at++) sum = foldNumber(sum, text.charCodeAt(at));
  return sum;
}

function look(table) {
  let state = 12345;
  let sum = 0;
  for (let turn = 0; turn < 100; turn++) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    const i = (state >>> 8) % n;
    if (shape === 'vector') {
      sum = foldText(sum, table[i]);
    } else {
      const pair = shape === 'map' ? table.values[find(table.keys, key(i))] : table.get(key(i));
      sum = foldNumber(foldText(sum, pair[0]), pair[1]);
    }
  }
  return sum;
}

const table = build();
v8.startupSnapshot.setDeserializeMainFunction(() => console.log(String(look(table))));
