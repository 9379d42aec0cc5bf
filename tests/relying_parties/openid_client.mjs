// openid-client as a relying party: one function for each flow.
import { ask, load, run, told } from './talking.mjs';

const client = await load('openid-client');
const insecure = { execute: [client.allowInsecureRequests] };

async function party(name, authenticate) {
  const known = told.parties[name];
  const way = authenticate ?? (known.secret ? client.ClientSecretBasic(known.secret) : client.None());
  const metadata = { redirect_uris: [known.callback], id_token_signed_response_alg: 'RS256' };
  return client.discovery(new URL(told.issuer), known.client_id, metadata, way, insecure);
}

async function asked(config, name, more = {}) {
  const verifier = client.randomPKCECodeVerifier();
  const checks = { expectedState: client.randomState(), expectedNonce: client.randomNonce(), pkceCodeVerifier: verifier, idTokenExpected: true };
  const parameters = {
    redirect_uri: told.parties[name].callback,
    scope: 'openid profile phone',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    ...more,
  };
  return { checks, parameters };
}

async function login(name, { config, build = client.buildAuthorizationUrl, more, options } = {}) {
  config ??= await party(name);
  const { checks, parameters } = await asked(config, name, more);
  const url = await build(config, parameters);
  const back = await ask({ open: url.href });
  const tokens = await client.authorizationCodeGrant(config, new URL(back.answer), checks, undefined, options);
  return { config, tokens };
}

const key = () => crypto.subtle.importKey('jwk', told.jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);

run({
  code: async () => (await login('first')).tokens.claims(),
  userinfo: async () => {
    const { config, tokens } = await login('first');
    return client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
  },
  refresh: async () => {
    const { config, tokens } = await login('first');
    const next = await client.refreshTokenGrant(config, tokens.refresh_token);
    return client.fetchUserInfo(config, next.access_token, next.claims().sub);
  },
  public: async () => (await login('public')).tokens.claims(),
  private_key_jwt: async () => {
    const config = await party('keyed', client.PrivateKeyJwt({ key: await key(), kid: told.jwk.kid }));
    return (await login('keyed', { config })).tokens.claims();
  },
  par: async () => (await login('pushing', { build: client.buildAuthorizationUrlWithPAR })).tokens.claims(),
  dpop: async () => {
    const config = await party('bound');
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
    const { tokens } = await login('bound', { config, options: { DPoP } });
    if (tokens.token_type !== 'dpop') throw new Error(`token_type ${tokens.token_type}`);
    const next = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
    return client.fetchUserInfo(config, next.access_token, tokens.claims().sub, { DPoP });
  },
  client_credentials: async () => client.clientCredentialsGrant(await party('system'), { scope: 'hub:messages' }),
  introspection: async () => {
    const { tokens } = await login('first', { more: { scope: 'openid hub:orders' } });
    const said = await client.tokenIntrospection(await party('server'), tokens.access_token);
    if (!said.active) throw new Error('not active');
    return said;
  },
  revocation: async () => {
    const { config, tokens } = await login('first');
    await client.tokenRevocation(config, tokens.refresh_token);
    await client.refreshTokenGrant(config, tokens.refresh_token).then(
      () => { throw new Error('the revoked token was refreshed'); },
      (error) => { if (error.error !== 'invalid_grant') throw error; },
    );
    return {};
  },
  device: async () => {
    const config = await party('kiosk');
    const codes = await client.initiateDeviceAuthorization(config, { scope: 'openid' });
    await ask({ enter: codes.verification_uri_complete });
    return (await client.pollDeviceAuthorizationGrant(config, { ...codes, interval: 1 })).claims();
  },
  ciba: async () => {
    const config = await party('caller');
    const parameters = { scope: 'openid', login_hint: told.login, binding_message: 'G1234-07' };
    const begun = await client.initiateBackchannelAuthentication(config, parameters);
    await ask({ decide: begun.auth_req_id });
    return (await client.pollBackchannelAuthenticationGrant(config, { ...begun, interval: 1 })).claims();
  },
  rp_logout: async () => {
    const { config, tokens } = await login('first');
    const parameters = { post_logout_redirect_uri: told.parties.first.goodbye, id_token_hint: tokens.id_token, state: 'bye-1' };
    const back = await ask({ open: client.buildEndSessionUrl(config, parameters).href, stay: true });
    if (back.answer !== `${told.parties.first.goodbye}?state=bye-1`) throw new Error(back.answer);
    return {};
  },
});
