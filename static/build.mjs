// Builds the snippet and its parts into static/dist/:
//
//   snippet.js, snippet-panel.js, snippet-links.js   what the collector serves under these names
//   snippet-<version>.js, snippet-<version>-….js     the same bytes, frozen: pages that pin them rely on them for ever
//   manifest.json                                    version, and of each file the frozen name, integrity hash and sizes
//
//   npm ci && node build.mjs            build
//   node build.mjs --out DIR            build somewhere else, as the test does
//   node build.mjs --refreeze           replace the frozen files of a version that was never released
//   node build.mjs --names              search for better names first (names.mjs): a minute, after a large change

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { transformSync } from 'esbuild';
import pako from 'pako';
import { rename, search } from './names.mjs';

const PARTS = [
  { source: 'snippet.js', suffix: '', gzipLimit: 3000 },
  { source: 'panel.js', suffix: '-panel', gzipLimit: 16_000 },
  { source: 'links.js', suffix: '-links', gzipLimit: 1000 },
];

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    out: { type: 'string', default: join(here, 'dist') },
    refreeze: { type: 'boolean', default: false },
    names: { type: 'boolean', default: false },
  },
});
const { version } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));

// zlib in JavaScript, so that the size does not depend on the version of Node.
const packed = (code) => pako.gzip(code, { level: 9 }).length;
// Versions of zlib differ by some ten bytes: better names are to suit an old and a new one.
const packedTwice = (code) => packed(code) + gzipSync(code, { level: 9 }).length;

function named(code) {
  const kept = join(here, 'names.json');
  if (options.names) writeFileSync(kept, JSON.stringify(search(code, packedTwice)) + '\n');
  return rename(code, JSON.parse(readFileSync(kept, 'utf8')));
}

function build({ source, suffix, gzipLimit }) {
  const text = readFileSync(join(here, source), 'utf8');
  if (!suffix && !text.includes(`version: '${version}'`)) {
    throw new Error(`${source} does not carry version ${version} of package.json`);
  }
  const minified = transformSync(text, { minify: true, target: 'es2020', legalComments: 'none' }).code;
  // What is never assigned twice may as well be let: one keyword instead of two packs 18 bytes smaller.
  const built = Buffer.from(suffix ? minified : named(minified.replace(/\bconst /g, 'let ')));
  const size = packed(built);
  if (size > gzipLimit) throw new Error(`${source}: ${size} bytes gzipped, over the limit of ${gzipLimit}`);

  const file = `snippet-${version}${suffix}.js`;
  const frozen = join(options.out, file);
  if (existsSync(frozen) && !readFileSync(frozen).equals(built) && !options.refreeze) {
    throw new Error(`${file} is frozen and would change: raise the version in package.json and snippet.js`);
  }
  writeFileSync(join(options.out, `snippet${suffix}.js`), built);
  writeFileSync(frozen, built);

  const sha384 = 'sha384-' + createHash('sha384').update(built).digest('base64');
  const brotli = brotliCompressSync(built).length;
  console.log(`${file}: ${built.length} bytes, ${size} gzip, ${brotli} brotli`);
  return { file, sha384, raw: built.length, gzip: size, brotli };
}

mkdirSync(options.out, { recursive: true });
const [snippet, panel, links] = PARTS.map(build);
writeFileSync(join(options.out, 'manifest.json'), JSON.stringify({ version, ...snippet, panel, links }, null, 2) + '\n');
