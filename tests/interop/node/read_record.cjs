// Reads a sealed record, version 1 (docs/records.md). Values stay as it has them: {$d}, {$i}, {$b}, {$s} and {$m}.
'use strict'
const { createHash } = require('node:crypto')
const check = (isRight, problem) => { if (!isRight) throw Error(problem) }
const isMap = (value) => value !== null && typeof value === 'object' && !Array.isArray(value)
const byCodePoint = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))
const mapped = (map, change) => Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]))

function canonical(value) { // one text for each value
  if (Array.isArray(value)) return `[${value.map(canonical)}]`
  if (!isMap(value)) return JSON.stringify(value)
  return `{${Object.keys(value).sort(byCodePoint).map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)}}`
}
function number(text) { // {$n: digits without zeros at either end, E, power of ten}
  const [, sign, whole, fraction = '', power = 0] = /^(-?)(\d+)\.?(\d*)(?:E(.+))?$/.exec(text)
  const digits = (whole + fraction).replace(/^0+/, '')
  const short = digits.replace(/0+$/, '')
  return { $n: short ? `${sign}${short}E${Number(power) - fraction.length + digits.length - short.length}` : '0' }
}
function double(value) {
  let power = 0
  for (; !Number.isInteger(value); value *= 2) power++
  return number(`${BigInt(value) * 5n ** BigInt(power)}E-${power}`)
}
const tagged = {
  $b: (base64url) => ({ $b: base64url }),
  $d: number,
  $i: number,
  $s: (items) => ({ $s: items.map(comparable).sort((a, b) => byCodePoint(canonical(a), canonical(b))) }),
  $m: (map) => ({ $m: mapped(map, comparable) }),
}
function comparable(value) { // as bound values are written: numbers by value
  if (typeof value === 'number') return double(value)
  if (Array.isArray(value)) return value.map(comparable)
  if (!isMap(value)) return value
  const [tag, ...more] = Object.keys(value)
  return tagged[tag] && !more.length ? tagged[tag](value[tag]) : mapped(value, comparable)
}
const valuesOf = (record, name) => (Object.hasOwn(record, name) ? [comparable(record[name])] : [])
const same = ([name, ...values], record) => canonical(values) === canonical(valuesOf(record, name))

exports.unseal = function (rest, plaintext, expected) {
  const [version, sealed, bound, lists] = JSON.parse(plaintext)
  check(version === 1, 'not version 1')
  for (const row of bound) check(same(row, rest), `another ${row[0]}`)
  for (const name in expected) check(bound.some((row) => row[0] === name && same(row, expected)), `another ${name}`)
  const at = (path) => path.reduce((value, step) => value[step], rest)
  for (const [path, length, digest] of lists) {
    const list = at([path].flat())
    const left = createHash('sha384').update(canonical(comparable(list))).digest('base64url')
    check(Array.isArray(list) && list.length === length && left === digest, 'an edited list')
  }
  for (const [path, value] of sealed) {
    const [parent, name] = [at([path].flat().slice(0, -1)), [path].flat().at(-1)]
    check(isMap(parent) && !Object.hasOwn(parent, name), `no place for ${name}`)
    parent[name] = value
  }
  return rest
}
