import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { startDevice } from '../../../src/oidc/interaction/begin-device.ts'
import type { LibraryPart } from '../../../src/oidc/interaction/library-part.ts'
import { lifetimes } from '../../../src/oidc/lifetimes.ts'

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
const now = 1_000_000_000
const code = {
  id: 'code',
  clientUid: 'uid',
  payload: { clientId: 'tv', params: { client_id: 'tv' }, userCode: 'ABCDEFGH' },
  expiresAt: new Date((now + 60) * 1000),
}

describe('startDevice', () => {
  let written: LibraryPart | undefined
  let cookies: string[]
  beforeEach(() => {
    written = undefined
    cookies = []
  })
  const start = (about: object = {}, grantTypes = [deviceGrant]) => {
    const needs = {
      clients: { registeredById: () => ({ uid: 'uid', config: create(ClientConfigSchema, { grantTypes }) }) },
      cookies: { write: (_raw: unknown, _uid: string, part: LibraryPart) => (written = part) },
      sessions: { verify: () => undefined },
      scope: { secure: false, session: 's', interaction: () => ({ device: '/device/x' }), library: { resume: 'r' } },
      issuer: 'https://login.example.com',
      now: () => now * 1000,
    }
    const response = {
      headersSent: false,
      getHeader: () => undefined,
      appendHeader: (_name: string, lines: string[]) => (cookies = lines),
    }
    return startDevice(needs as never, { raw: { request: { headers: {} }, response } } as never, { ...code, ...about })
  }

  it('ends with its code, and no later than any interaction', async () => {
    await start()
    expect(written).to.include({ iat: now, exp: now + 60, deviceCode: 'code', userCode: 'ABCD-EFGH' })
    expect(cookies[0]).to.contain('Max-Age=60;')
    await start({ expiresAt: new Date((now + 2 * lifetimes.interaction) * 1000) })
    expect(written).to.include({ exp: now + lifetimes.interaction })
  })

  for (const [sentence, about, grantTypes] of [
    ['whose client was made again', { clientUid: 'other' }, [deviceGrant]],
    ['whose client may not ask by device any more', {}, ['authorization_code']],
    ['that is not as this server writes it', { payload: { ...code.payload, userCode: 7 } }, [deviceGrant]],
    ['whose request is not as this server writes it', { payload: { ...code.payload, params: {} } }, [deviceGrant]],
  ] as const)
    it(`begins nothing for a code ${sentence}`, async () => {
      expect(await start(about, [...grantTypes])).to.equal(undefined)
      expect(written).to.equal(undefined)
    })
})
