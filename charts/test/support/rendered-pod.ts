// A server pod as the chart renders it, run by a "kubelet" on this machine: every volume is a directory with the kubelet's
// atomic writer, every path in arguments and settings is replaced by that of the volume that is mounted there. A path that no mount of the
// container covers is a fault, and so is a Secret that is neither there nor optional.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeAtomically } from '@nauthera/stand-in/atomic-writer'
import type { Container, Manifest, PodSpec } from './render.ts'
import { containersOf } from './render.ts'

interface SecretItems {
  readonly optional?: boolean
  readonly items?: readonly { readonly key: string; readonly path: string }[]
}
interface Volume {
  readonly name: string
  readonly emptyDir?: object
  readonly configMap?: { readonly name: string }
  readonly secret?: SecretItems & { readonly secretName: string }
  readonly projected?: { readonly sources: readonly { readonly secret: SecretItems & { readonly name: string } }[] }
}

export interface RenderedPod {
  readonly spec: PodSpec
  container(name: string): Container
  /** Where a path of the container lies on this machine. */
  place(container: string, path: string): string
  /** The arguments, with settings files in which every path is led to its place. */
  argumentsOf(container: string): string[]
  port(container: string, name: string): number
  /** Brings every volume up to date. */
  sync(): void
  /** Swaps `..data` of every volume, whether its content has changed or not. */
  swap(): void
}

/** @param options.secret data of a Secret in base64; undefined when there is none */
export function mountPod(options: {
  spec: PodSpec
  objects: readonly Manifest[]
  secret: (name: string) => Readonly<Record<string, string>> | undefined
  directory: string
}): RenderedPod {
  const { spec, objects, directory } = options
  const volumes = spec['volumes'] as Volume[]
  const home = (volume: string) => join(directory, 'volumes', volume)

  const secretFiles = (name: string, { items, optional }: SecretItems): [string, Buffer][] => {
    const data = options.secret(name)
    if (data === undefined && !optional) throw new Error(`Secret ${name} is not there: the pod would wait for it`)
    const wanted = items ?? Object.keys(data ?? {}).map((key) => ({ key, path: key }))
    return wanted.flatMap(({ key, path }): [string, Buffer][] => {
      const value = data?.[key]
      if (value === undefined && !optional) throw new Error(`Secret ${name} has no ${key}: the pod would wait for it`)
      return value === undefined ? [] : [[path, Buffer.from(value, 'base64')]]
    })
  }
  const filesOf = (volume: Volume): Map<string, Buffer> => {
    if (volume.secret) return new Map(secretFiles(volume.secret.secretName, volume.secret))
    if (volume.projected) {
      return new Map(volume.projected.sources.flatMap(({ secret }) => secretFiles(secret.name, secret)))
    }
    const map = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === volume.configMap?.name)
    if (!map) throw new Error(`volume ${volume.name}: no ConfigMap ${volume.configMap?.name}`)
    return new Map(Object.entries(map['data'] as Record<string, string>).map(([key, text]) => [key, Buffer.from(text)]))
  }
  const written = volumes.filter(({ emptyDir }) => emptyDir === undefined)
  const sync = () => {
    for (const volume of written) writeAtomically(home(volume.name), filesOf(volume))
  }
  for (const { name } of volumes) mkdirSync(home(name), { recursive: true })
  sync()

  const containerNamed = (name: string): Container => {
    const found = containersOf(spec).find((container) => container.name === name)
    if (!found) throw new Error(`no container ${name}`)
    return found
  }
  const mountsOf = (name: string) =>
    (containerNamed(name)['volumeMounts'] as { name: string; mountPath: string }[]).toSorted(
      (left, right) => right.mountPath.length - left.mountPath.length,
    )
  const place = (container: string, path: string): string => {
    const mount = mountsOf(container).find(({ mountPath }) => path === mountPath || path.startsWith(`${mountPath}/`))
    if (!mount) throw new Error(`${container}: nothing is mounted at ${path}`)
    return join(home(mount.name), path.slice(mount.mountPath.length))
  }
  const settingsOf = (container: string, path: string): string => {
    const text = readFileSync(place(container, path), 'utf8')
    const copy = join(directory, `${container}.yaml`)
    writeFileSync(
      copy,
      text.replaceAll(/(?<=: )\/(?:var\/)?run\/\S+/g, (found) => place(container, found)),
    )
    return copy
  }
  return {
    spec,
    container: containerNamed,
    place,
    argumentsOf: (name) => {
      const { command = [], args = [] } = containerNamed(name) as { command?: string[]; args?: string[] }
      return [...command, ...args].map((word) => (word.startsWith('/etc/nauthera/') ? settingsOf(name, word) : word))
    },
    port: (container, name) => {
      const ports = containerNamed(container)['ports'] as { name: string; containerPort: number }[]
      return ports.find((port) => port.name === name)!.containerPort
    },
    sync,
    swap: () => {
      for (const volume of written) {
        writeAtomically(home(volume.name), new Map([...filesOf(volume), ['swapped', Buffer.alloc(0)]]))
        writeAtomically(home(volume.name), filesOf(volume))
      }
    },
  }
}
