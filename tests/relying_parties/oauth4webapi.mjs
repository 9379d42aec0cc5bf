// oauth4webapi as a relying party: one function for each flow.
import { ask, load, run, told } from './talking.mjs';

const oauth = await load('oauth4webapi');
const plain = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(told.issuer);
const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, plain));

function party(name) {
  const known = told.parties[name];
  const way = known.secret ? oauth.ClientSecretBasic(known.secret) : oauth.None();
  return { client: { client_id: known.client_id, id_token_signed_response_alg: 'RS256' }, way, known };
}

async function login(name, { way, more = {}, DPoP, push = false } = {}) {
  const { client, way: usual, known } = party(name);
  way ??= usual;
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const nonce = oauth.generateRandomNonce();
  const parameters = new URLSearchParams({
    client_id: client.client_id,
    response_type: 'code',
    redirect_uri: known.callback,
    scope: 'openid profile phone',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...more,
  });
  const url = new URL(server.authorization_endpoint);
  if (push) {
    const answer = await oauth.pushedAuthorizationRequest(server, client, way, parameters, plain);
    const { request_uri } = await oauth.processPushedAuthorizationResponse(server, client, answer);
    url.search = new URLSearchParams({ client_id: client.client_id, request_uri });
  } else {
    url.search = parameters;
  }
  const back = await ask({ open: url.href });
  const callback = oauth.validateAuthResponse(server, client, new URL(back.answer), state);
  const answer = await oauth.authorizationCodeGrantRequest(server, client, way, callback, known.callback, verifier, { ...plain, DPoP });
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer, { expectedNonce: nonce, requireIdToken: true });
  await oauth.validateApplicationLevelSignature(server, answer, plain);
  return { client, way, tokens, claims: oauth.getValidatedIdTokenClaims(tokens) };
}

async function userinfo(client, tokens, subject, DPoP) {
  const answer = await oauth.userInfoRequest(server, client, tokens.access_token, { ...plain, DPoP });
  return oauth.processUserInfoResponse(server, client, subject, answer);
}

async function refresh({ client, way, tokens }, DPoP) {
  const answer = await oauth.refreshTokenGrantRequest(server, client, way, tokens.refresh_token, { ...plain, DPoP });
  return oauth.processRefreshTokenResponse(server, client, answer);
}

const key = () => crypto.subtle.importKey('jwk', told.jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
const pause = () => new Promise((resolve) => setTimeout(resolve, 1000));

run({
  code: async () => (await login('first')).claims,
  userinfo: async () => {
    const { client, tokens, claims } = await login('first');
    return userinfo(client, tokens, claims.sub);
  },
  refresh: async () => {
    const session = await login('first');
    return userinfo(session.client, await refresh(session), session.claims.sub);
  },
  public: async () => (await login('public')).claims,
  private_key_jwt: async () => (await login('keyed', { way: oauth.PrivateKeyJwt({ key: await key(), kid: told.jwk.kid }) })).claims,
  par: async () => (await login('pushing', { push: true })).claims,
  dpop: async () => {
    const DPoP = oauth.DPoP({ client_id: 'bound' }, await oauth.generateKeyPair('ES256'));
    const session = await login('bound', { DPoP });
    const next = await refresh(session, DPoP);
    if (next.token_type !== 'dpop') throw new Error(`token_type ${next.token_type}`);
    return userinfo(session.client, next, session.claims.sub, DPoP);
  },
  client_credentials: async () => {
    const { client, way } = party('system');
    const answer = await oauth.clientCredentialsGrantRequest(server, client, way, { scope: 'hub:messages' }, plain);
    return oauth.processClientCredentialsResponse(server, client, answer);
  },
  // A resource server: the access token is checked by the published keys (RFC 9068).
  jwt_access_token: async () => {
    const { client, way } = party('system');
    const answer = await oauth.clientCredentialsGrantRequest(server, client, way, { scope: 'hub:messages' }, plain);
    const { access_token: token } = await oauth.processClientCredentialsResponse(server, client, answer);
    const request = new Request(told.resource, { headers: { authorization: `Bearer ${token}` } });
    return oauth.validateJwtAccessToken(server, request, told.resource, plain);
  },
  introspection: async () => {
    const { tokens } = await login('first', { more: { scope: 'openid hub:orders' } });
    const { client, way } = party('server');
    const answer = await oauth.introspectionRequest(server, client, way, tokens.access_token, plain);
    const said = await oauth.processIntrospectionResponse(server, client, answer);
    if (!said.active) throw new Error('not active');
    return said;
  },
  revocation: async () => {
    const session = await login('first');
    const answer = await oauth.revocationRequest(server, session.client, session.way, session.tokens.refresh_token, plain);
    await oauth.processRevocationResponse(answer);
    await refresh(session).then(
      () => { throw new Error('the revoked token was refreshed'); },
      (error) => { if (error.error !== 'invalid_grant') throw error; },
    );
    return {};
  },
  device: async () => {
    const { client, way } = party('kiosk');
    const begun = await oauth.deviceAuthorizationRequest(server, client, way, { scope: 'openid' }, plain);
    const codes = await oauth.processDeviceAuthorizationResponse(server, client, begun);
    await ask({ enter: codes.verification_uri_complete });
    await pause();
    const answer = await oauth.deviceCodeGrantRequest(server, client, way, codes.device_code, plain);
    return oauth.getValidatedIdTokenClaims(await oauth.processDeviceCodeResponse(server, client, answer));
  },
  ciba: async () => {
    const { client, way } = party('caller');
    const parameters = { scope: 'openid', login_hint: told.login, binding_message: 'G1234-07' };
    const asked = await oauth.backchannelAuthenticationRequest(server, client, way, parameters, plain);
    const begun = await oauth.processBackchannelAuthenticationResponse(server, client, asked);
    await ask({ decide: begun.auth_req_id });
    await pause();
    const answer = await oauth.backchannelAuthenticationGrantRequest(server, client, way, begun.auth_req_id, plain);
    return oauth.getValidatedIdTokenClaims(await oauth.processBackchannelAuthenticationGrantResponse(server, client, answer));
  },
});
