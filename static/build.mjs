// Builds static/snippet.js into static/dist/:
//
//   snippet.js            what the collector serves as /snippet.js
//   snippet-<version>.js  the same bytes, frozen: pages that pin its integrity hash rely on them for ever
//   manifest.json         version, file, integrity hash and sizes
//
//   npm ci && node build.mjs            build
//   node build.mjs --out DIR            build somewhere else, as the test does
//   node build.mjs --refreeze           replace the frozen file of a version that was never released

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { transformSync } from 'esbuild';

const GZIP_LIMIT = 3000;

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: { out: { type: 'string', default: join(here, 'dist') }, refreeze: { type: 'boolean', default: false } },
});

const source = readFileSync(join(here, 'snippet.js'), 'utf8');
const { version } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
if (!source.includes(`version: '${version}'`)) {
  throw new Error(`snippet.js does not carry version ${version} of package.json`);
}

const minified = transformSync(source, { minify: true, target: 'es2018' }).code;
// What is never assigned twice may as well be let: one keyword instead of two packs 18 bytes smaller.
const built = Buffer.from(minified.replace(/\bconst /g, 'let '));
const gzip = gzipSync(built, { level: 9 }).length;
if (gzip > GZIP_LIMIT) throw new Error(`${gzip} bytes gzipped, over the limit of ${GZIP_LIMIT}`);

const file = `snippet-${version}.js`;
const frozen = join(options.out, file);
if (existsSync(frozen) && !readFileSync(frozen).equals(built) && !options.refreeze) {
  throw new Error(`${file} is frozen and would change: raise the version in package.json and snippet.js`);
}

const manifest = {
  version,
  file,
  sha384: 'sha384-' + createHash('sha384').update(built).digest('base64'),
  raw: built.length,
  gzip,
  brotli: brotliCompressSync(built).length,
};
mkdirSync(options.out, { recursive: true });
writeFileSync(join(options.out, 'snippet.js'), built);
writeFileSync(frozen, built);
writeFileSync(join(options.out, 'manifest.json'), JSON.stringify(manifest, null, 2) + '\n');
console.log(`${file}: ${manifest.raw} bytes, ${manifest.gzip} gzip, ${manifest.brotli} brotli`);
