/** A script for `node -e` in a pod: shows a token of the platform once. Arguments: the client and the token. Prints the status, and the
 *  error. */
export const showToken = `
const [client_id, client_assertion] = process.argv.slice(1)
const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const body = new URLSearchParams({ grant_type: 'client_credentials', client_id, client_assertion, client_assertion_type })
fetch(process.env.ISSUER + '/token', { method: 'POST', body }).then(async (answer) => {
  const { error = null } = await answer.json()
  console.log(JSON.stringify([answer.status, error]))
})`
