// docs/tutorials/an-api-of-another-team.md: asks for a token for one API with the files of a mounted Secret, and prints what is in it.
import { readFileSync } from 'node:fs'

const read = (key) => readFileSync(`/client/${key}`, 'utf8')
const basic = Buffer.from(`${read('client_id')}:${read('client_secret')}`).toString('base64')
const response = await fetch(read('token_endpoint'), {
  method: 'POST',
  headers: { authorization: `Basic ${basic}` },
  body: new URLSearchParams({ grant_type: 'client_credentials', resource: 'https://parcels.example.com' }),
})
const answer = await response.json()
if (response.ok) {
  const { client_id, aud, scope } = JSON.parse(Buffer.from(answer.access_token.split('.')[1], 'base64url'))
  console.log(JSON.stringify({ client_id, aud, scope }))
} else console.log(`refused: ${answer.error}`)
