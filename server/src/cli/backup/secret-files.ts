// Mounted Secrets as they are: what a backup seals, and Kubernetes takes back.
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { contentOf, inOneVersion } from '@nauthera/proto/mounted-volume'
import { CodedError } from '@nauthera/runtime/coded-error'
import { writeYaml } from '@nauthera/runtime/settings'
import { loadKeyRing } from '../../store/driver/envelope.ts'
import type { SealedKeys, SealedSecrets } from './backup-file.ts'

/** @returns the files of the ring in base64
 *  @throws CodedError KEY_RING_INVALID */
export function readRing(directory: string): Readonly<Record<string, string>> {
  loadKeyRing(directory)
  return entriesOf(directory)
}

/** @param directory with a folder for each Secret
 *  @throws CodedError USAGE_INVALID */
export function readSecrets(directory: string): SealedSecrets {
  const folders = readdirSync(directory).filter(
    (name) => !name.startsWith('.') && statSync(join(directory, name)).isDirectory(),
  )
  if (folders.length === 0) {
    const message = `${directory} has no folder; each Secret is a folder of its name`
    throw new CodedError('USAGE_INVALID', { faults: [{ path: '--secrets', message }] })
  }
  const secrets = folders.map((name) => [name, entriesOf(join(directory, name))] as const)
  // one that is not there is an empty mount
  return Object.fromEntries(secrets.filter(([, entries]) => Object.keys(entries).length > 0))
}

function entriesOf(directory: string): Record<string, string> {
  const marker = join(directory, '..data')
  return inOneVersion([marker], () => {
    const content = contentOf(directory)
    const files = readdirSync(content).filter(
      (name) => !name.startsWith('..') && statSync(join(content, name)).isFile(),
    )
    return Object.fromEntries(files.map((name) => [name, readFileSync(join(content, name)).toString('base64')]))
  })
}

/** @returns the Secrets of a backup as Kubernetes takes them. @param ringName of the Secret with the ring */
export function renderSecrets({ ring, secrets }: SealedKeys, ringName: string): string {
  const all = { [ringName]: ring, ...secrets }
  return writeYaml({
    apiVersion: 'v1',
    kind: 'List',
    items: Object.entries(all).map(([name, data]) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, data })),
  })
}
