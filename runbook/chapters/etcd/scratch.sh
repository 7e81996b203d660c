# Starts etcd aside and says what it takes. Arguments: program, etcdctl, the gate's variable and its value, suite,
# seconds for a start, and the client port of the member that runs here: it is the etcd without the variable.
# Everything at once, since a start costs a second where it is emulated. For a user without rights, in a folder of its
# own; the ports are the kernel's choice; every process is ended by its number, whatever happens.
program=$1 ctl=$2 gate=$3 arch=$4 suite=$5 seconds=$6 member=$7
folder=$(mktemp -d) && cd "$folder" || exit
pids=
finish() {
  for pid in $pids; do kill -s KILL "$pid" 2>/dev/null; done
  wait 2>/dev/null
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 1' HUP INT PIPE TERM

# -addext is of openssl 1.1.1; an extension by a file is of all of them
printf '[req]\ndistinguished_name = name\nx509_extensions = own\n[name]\n[own]\n%s\n%s\n' \
  'basicConstraints = CA:TRUE' 'subjectAltName = IP:127.0.0.1' >openssl.cnf
issue() {  # a self-signed certificate for the key in $1.key
  openssl req -x509 -new -key "$1.key" "-$2" -out "$1.crt" -days 2 -subj /CN=scratch -config openssl.cnf 2>/dev/null
}
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:named_curve \
  -out p256.key 2>/dev/null && issue p256 sha256 || exit
openssl ecparam -name SM2 -genkey -noout -out sm2.key 2>/dev/null && issue sm2 sm3 || rm -f sm2.crt

begin() {  # name, then what comes before the program, `--`, and its options
  name=$1; shift
  before=
  while [ "$1" != -- ]; do before="$before $1"; shift; done; shift
  # shellcheck disable=SC2086  # an assignment or nothing
  env "$gate=$arch" $before "$program" --name scratch --data-dir "$folder/$name.data" --unsafe-no-fsync \
    --listen-client-urls https://127.0.0.1:0 --advertise-client-urls https://127.0.0.1:1 \
    --listen-peer-urls https://127.0.0.1:0 --initial-advertise-peer-urls https://127.0.0.1:1 \
    --initial-cluster scratch=https://127.0.0.1:1 --peer-cert-file p256.crt --peer-key-file p256.key \
    "$@" >"$name.log" 2>&1 </dev/null &
  echo $! >"$name.pid"
  pids="$pids $!"
}
set_up() { echo "--cert-file $1.crt --key-file $1.key --trusted-ca-file $1.crt --client-cert-auth"; }
begin p256 "GRPC_SSL_CIPHER_SUITES=$suite" -- $(set_up p256)
begin option -- $(set_up p256) --cipher-suites "$suite"
[ ! -s sm2.crt ] || begin sm2 -- $(set_up sm2)

(unset "$gate"; exec "$program" --version) >closed.log 2>&1 </dev/null
code=$?; echo "== closed"; echo "exit $code"; tail -n 1 closed.log
env "$gate=$arch" "$program" --version >open.log 2>&1 </dev/null
code=$?; echo "== open"; echo "exit $code"; grep Version open.log

port() { sed -n "s/.*\"msg\":\"serving $2 traffic[^}]*\"address\":\"127.0.0.1:\([0-9]*\)\".*/\1/p" "$1.log" | head -n 1; }
shown() { grep -i -e ' alert ' -e '^Ciphersuite'; }
end=$(($(date +%s) + seconds))
for name in p256 option sm2; do
  [ -s "$name.pid" ] || continue
  read -r pid <"$name.pid"
  until [ -n "$(port "$name" client)" ] || ! kill -0 "$pid" 2>/dev/null || [ "$(date +%s)" -ge "$end" ]; do
    sleep 0.1
  done
  to=$(port "$name" client)
  echo "== $name"
  if [ -z "$to" ]; then
    kill -s KILL "$pid" 2>/dev/null
    wait "$pid"
    echo "exit $?"; grep '"fatal"' "$name.log" | tail -n 1
    continue
  fi
  echo serves
  [ "$name" = p256 ] || continue
  # Under TLS 1.3 a refusal comes after the handshake: who expects one stays for it, who expects none a second.
  timeout 5 openssl s_client -connect "127.0.0.1:$to" -brief -ign_eof </dev/null 2>&1 | shown >stranger &
  asked=$!
  sleep 1 | timeout 5 openssl s_client -connect "127.0.0.1:$(port p256 peer)" -brief 2>&1 | shown >peer &
  asked="$asked $!"
done

to=$(port p256 client)
[ -n "$to" ] || exit 0
echo "== suite plain"; timeout 10 openssl s_client -connect "127.0.0.1:$member" -brief </dev/null 2>&1 | shown
echo "== suite variable"; timeout 10 openssl s_client -connect "127.0.0.1:$to" -brief </dev/null 2>&1 | shown
echo "== own certificate"
"$ctl" --endpoints "https://127.0.0.1:$to" --cacert p256.crt --cert p256.crt --key p256.key --command-timeout 10s \
  get / >/dev/null 2>&1 </dev/null
echo "exit $?"
# shellcheck disable=SC2086  # numbers
wait $asked
echo "== no certificate"; cat stranger
echo "== no certificate at the peer port"; cat peer
