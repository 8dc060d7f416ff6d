// PostgreSQL and the cache.
import { z } from '@nauthera/runtime/settings'
import { duration, file, listOf, hostName } from './kinds.ts'

/** A setting that would be left out without a word. */
const besideUrl = (name: string, urlFile: string) => ({
  code: 'custom' as const,
  path: [name],
  message: `cannot stand beside ${urlFile}; give host in its place`,
})

export const databaseSettings = z
  .strictObject({
    dsnFile: file.optional().describe('File with a postgres:// URL; instead of host, port, name, user and password.'),
    host: z.string().min(1).optional().describe('Host of PostgreSQL.'),
    port: z.int().min(1).max(65535).default(5432).describe('Port of PostgreSQL.'),
    name: z.string().min(1).default('nauthera').describe('Name of the database.'),
    usernameFile: file.optional().describe('File with the user name.'),
    passwordFile: file.optional().describe('File with the password.'),
    sslMode: z
      .enum(['verify-full', 'require', 'disable'])
      .default('verify-full')
      .describe(
        'verify-full checks the certificate and its name. require checks neither: somebody on the path can answer as PostgreSQL and gets the password. disable is for a loopback or mesh connection only.',
      ),
    caFile: file.optional().describe('Certificates that sign the certificate of PostgreSQL (PEM).'),
    poolMax: z.int().min(2).max(200).default(10).describe('Connections of one replica at most.'),
    direct: z
      .strictObject({
        dsnFile: file.optional().describe('File with the postgres:// URL of PostgreSQL itself; instead of host.'),
        host: z.string().min(1).optional().describe('Host of PostgreSQL itself; the user is the same.'),
        port: z.int().min(1).max(65535).default(5432).describe('Port of PostgreSQL itself.'),
        name: z.string().min(1).optional().describe('Name of the database there, where the pooler has another one.'),
      })
      .refine(({ dsnFile, host }) => (dsnFile === undefined) !== (host === undefined), 'needs either dsnFile or host')
      .optional()
      .describe(
        'PostgreSQL itself, where the address above is that of a pooler such as PgBouncer, from 1.21 on (docs/database.md). Notifications and migrations go there.',
      ),
  })
  .superRefine((database, context) => {
    if (database.dsnFile !== undefined && database.host !== undefined) {
      context.addIssue({ code: 'custom', path: ['host'], message: 'cannot stand beside dsnFile; give one of the two' })
    }
    if (database.dsnFile === undefined && database.host === undefined) {
      context.addIssue({ code: 'custom', path: ['host'], message: 'is required; or give dsnFile' })
    }
    for (const name of ['usernameFile', 'passwordFile'] as const)
      if (database.dsnFile !== undefined && database[name] !== undefined) context.addIssue(besideUrl(name, 'dsnFile'))
  })
  .prefault({})

export const cacheSettings = z
  .strictObject({
    urlFile: file
      .optional()
      .describe(
        'File with the redis:// or rediss:// URL of the cache, whose certificate an authority of Node must have signed. Introspection and userinfo use its entries for at most 10 s. Without urlFile, host and sentinels nothing is cached.',
      ),
    host: z.string().min(1).optional().describe('Host of Valkey or Redis; instead of urlFile.'),
    port: z.int().min(1).max(65535).default(6379).describe('Port of Valkey or Redis.'),
    sentinels: listOf(hostName).describe(
      'Sentinels as host:port; they say which Valkey is the primary. Instead of urlFile and host.',
    ),
    sentinelName: z.string().min(1).max(100).default('nauthera').describe('Name of the primary at the Sentinels.'),
    passwordFile: file.optional().describe('File with the password of Valkey and Sentinel.'),
    caFile: file
      .optional()
      .describe('Certificates (PEM) that sign those of Valkey and Sentinel; with it connections are TLS.'),
    timeout: duration('100ms').describe('A request waits for the cache no longer than this, and goes on without it.'),
  })
  .superRefine((cache, context) => {
    const given = [cache.urlFile, cache.host, cache.sentinels[0]].filter((value) => value !== undefined)
    if (given.length > 1) {
      context.addIssue({
        code: 'custom',
        message: 'has more than one of urlFile, host and sentinels; give one of them',
      })
    }
    for (const name of ['passwordFile', 'caFile'] as const)
      if (cache.urlFile !== undefined && cache[name] !== undefined) context.addIssue(besideUrl(name, 'urlFile'))
  })
  .prefault({})
