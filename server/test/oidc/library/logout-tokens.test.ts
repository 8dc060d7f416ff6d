import { createSecretKey } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { createSubjectIn } from '../../../src/oidc/clients/subjects.ts'
import { createLogoutTokens } from '../../../src/oidc/library/logout-tokens.ts'

class IdToken {
  readonly #claims: Record<string, unknown> = {}
  set(name: string, value: unknown): void {
    this.#claims[name] = value
  }
  async issue(): Promise<string> {
    return JSON.stringify(this.#claims)
  }
}

describe('createLogoutTokens', () => {
  const key = createSecretKey(Buffer.alloc(32))
  const mint = createLogoutTokens(
    { IdToken, Client: undefined } as never,
    { clients: { build: () => undefined }, keys: { pairwise: () => key } } as never,
  )
  const subOf = async (subjectType: string, sector: string | undefined): Promise<unknown> => {
    const config = create(ClientConfigSchema, { subjectType, redirectUris: ['https://app.example.com/cb'] })
    const token = await mint(
      { config } as never,
      { accountId: 'ada', sid: 's', ...(sector === undefined ? {} : { sector }) } as never,
    )
    return (JSON.parse(token) as { sub?: unknown }).sub
  }

  it('has the subject that the client got in the session, whatever its sector is by now', async () => {
    const ofSector = createSubjectIn(() => key)('app.example.com', 'ada')
    for (const now of ['public', 'pairwise']) {
      expect(await subOf(now, '')).to.equal('ada')
      expect(await subOf(now, 'app.example.com'))
        .to.equal(ofSector)
        .and.not.to.equal('ada')
    }
  })

  it('has none where nobody knows the sector, but for a client that gets the same subject in all', async () => {
    expect(await subOf('public', undefined)).to.equal('ada')
    expect(await subOf('pairwise', undefined)).to.equal(undefined)
  })
})
