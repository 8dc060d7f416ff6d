import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { configs } from '@nauthera/harness/server'
import { clientOnPage } from '../../../src/oidc/clients/on-page.ts'

const startOf = (config: { initiateLoginUri?: string; clientUri?: string; redirectUris?: string[]; type?: string }) =>
  clientOnPage({
    clientId: 'app.web',
    config: create(ClientConfigSchema, { ...configs.web, ...config }),
  }).startUrl

describe(clientOnPage.name, () => {
  it('lets people start again at the login page of the client, else at its own page', () => {
    const clientUri = 'https://app.example.com/about'
    expect(startOf({ clientUri, initiateLoginUri: 'https://app.example.com/login' })).to.equal(
      'https://app.example.com/login',
    )
    expect(startOf({ clientUri })).to.equal(clientUri)
  })

  it('else at the origin that it takes people back to', () => {
    expect(startOf({ redirectUris: ['https://app.example.com:8443/callback?a=b'] })).to.equal(
      'https://app.example.com:8443/',
    )
  })

  it('offers nothing for an application on a device', () => {
    const redirectUris = ['http://127.0.0.1/callback', 'com.example.app:/callback']
    expect(startOf({ type: 'Native', redirectUris })).to.equal(undefined)
    expect(startOf({ redirectUris }), 'a web application that somebody tries out').to.equal('http://127.0.0.1/')
  })
})
