// NOTICE: the packages of others in the images, each with its licence, as the lock file says.
import { readFileSync } from 'node:fs'

interface LockedPackage {
  readonly version?: string
  readonly license?: string
  readonly link?: boolean
  readonly resolved?: string
  readonly os?: readonly string[]
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

type Lock = Readonly<Record<string, LockedPackage>>

/** What ships; each is a folder of this repository. */
const shipped = ['server', 'operator', 'config-agent']

/** Licences that may be shipped beside Apache-2.0 without a look by a person. */
const allowed = [
  'MIT',
  'MIT-0',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'Unlicense',
  'PSF-2.0',
]

const isAllowed = (licence: string): boolean =>
  licence
    .replaceAll(/[()]/g, '')
    .split(' AND ')
    .every((one) => one.split(' OR ').some((choice) => allowed.includes(choice)))

/** Where Node finds a package from a place of the tree: beside it, or further up. */
function findLocked(lock: Lock, from: string, name: string): string | undefined {
  for (let place = from; ; place = place.replace(/(^|\/)[^/]*$/, '')) {
    const path = `${place === '' ? '' : `${place}/`}node_modules/${name}`
    if (lock[path] !== undefined) return path
    if (place === '') return undefined
  }
}

/** Every place of the lock file that something shipped needs. */
function needed(lock: Lock): ReadonlySet<string> {
  const found = new Set<string>(shipped)
  for (const place of found) {
    const { link, resolved, dependencies, optionalDependencies } = lock[place]!
    if (link === true) found.add(resolved!)
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const path = findLocked(lock, place, name)
      if (path !== undefined) found.add(path)
    }
  }
  return found
}

/** @returns the text of NOTICE
 *  @throws Error that names each package whose licence nobody has allowed here */
export function renderNotice(lockFile = 'package-lock.json'): string {
  const { packages: lock } = JSON.parse(readFileSync(lockFile, 'utf8')) as { packages: Lock }
  const rows = [...needed(lock)]
    .filter((place) => place.includes('node_modules/') && lock[place]!.link !== true)
    // images are of Linux
    .filter((place) => lock[place]!.os?.includes('linux') ?? true)
    .map((place) => ({
      name: place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version: lock[place]!.version!,
      licence: lock[place]!.license ?? 'unknown',
    }))
  const unknown = rows.filter(({ licence }) => !isAllowed(licence))
  if (unknown.length > 0)
    throw new Error(
      `look at these licences, and allow them in scripts/notice.ts: ${unknown.map(({ name, licence }) => `${name} (${licence})`).join(', ')}`,
    )
  const lines = rows.map(({ name, version, licence }) => `${name} ${version}: ${licence.replaceAll(/[()]/g, '')}`)
  return [
    'Nauthera',
    'Copyright the Nauthera authors. Licensed under the Apache License, Version 2.0 (LICENSE).',
    '',
    'The images contain these packages of others. Each has its own copyright and licence, whose text is at the package.',
    'An image also contains Node.js (MIT, and the licences of what it bundles) and libraries of the system: its list of',
    'contents (SBOM) names them. This file is written by "npm run generate" from package-lock.json.',
    '',
    ...[...new Set(lines)].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)),
    '',
  ].join('\n')
}
