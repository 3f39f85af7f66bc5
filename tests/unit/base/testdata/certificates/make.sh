#!/usr/bin/env bash
# Writes the certificates and revocation lists beside it with the real openssl: run it by hand when a
# test needs another one. Valid from 2026 to 2036 where the name does not say otherwise.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat > ca.cnf <<'CONFIG'
[ca]
default_ca = authority
[authority]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
default_md = sha256
policy = anything
copy_extensions = none
unique_subject = no
[anything]
commonName = supplied
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[bank]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[mail]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
extendedKeyUsage = emailProtection
[constrained]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
nameConstraints = critical,permitted;email:bank.example
[vera]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = codeSigning
subjectAltName = email:vera@bank.example,URI:https://ci.bank.example/trainer
[stranger]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = codeSigning
subjectAltName = email:vera@other.example
[encipher]
keyUsage = critical,keyEncipherment
extendedKeyUsage = codeSigning
subjectAltName = email:vera@bank.example
[server]
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = email:vera@bank.example
[plain]
keyUsage = critical,digitalSignature
subjectAltName = email:vera@bank.example
[critical]
keyUsage = critical,digitalSignature
extendedKeyUsage = codeSigning
subjectAltName = email:vera@bank.example
1.2.3.4.5 = critical,ASN1:UTF8String:unknown
CONFIG
: > index.txt
echo 1000 > serial
echo 01 > crlnumber

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
# issue NAME EXTENSIONS ISSUER [START END] [more of openssl ca]
issue() {
  local name=$1 extensions=$2 issuer=$3 start=${4:-20260101000000Z} end=${5:-20360101000000Z}
  shift $(($# > 5 ? 5 : $#))
  [[ -f $name.key ]] || cp vera.key "$name.key"
  openssl req -new -key "$name.key" -subj "/CN=$name" -out "$name.csr"
  local by=(-cert "$issuer.crt" -keyfile "$issuer.key")
  [[ $name == "$issuer" ]] && by=(-selfsign -keyfile "$issuer.key")
  openssl ca -batch -notext -config ca.cnf -extensions "$extensions" "${by[@]}" -in "$name.csr" \
    -out "$name.crt" -startdate "$start" -enddate "$end" "$@" 2> log || { cat log >&2; return 1; }
}
# list NAME ISSUER LAST NEXT
list() {
  openssl ca -config ca.cnf -gencrl -cert "$2.crt" -keyfile "$2.key" -crl_lastupdate "$3" \
    -crl_nextupdate "$4" -out "$1.crl" 2> log || { cat log >&2; return 1; }
}

for name in root other bank vera mail constrained deep; do key "$name"; done
openssl genrsa -out weak.key 2048 2> log
issue root root root
issue other root other
issue bank bank root
issue vera vera bank
issue mail mail root
issue mailed vera mail
issue constrained constrained root
issue stranger stranger constrained
issue deep root bank
issue too-deep vera deep
issue below-leaf vera vera
issue expired vera bank 20250101000000Z 20260101000000Z
issue future vera bank 20300101000000Z 20310101000000Z
issue encipher encipher bank
issue server server bank
issue plain plain bank
issue critical critical bank
issue weak vera bank
issue sha1 vera bank 20260101000000Z 20360101000000Z -md sha1
issue elsewhere vera other
issue revoked vera bank

list root root 20261101000000Z 20270101000000Z
list bank-before bank 20260601000000Z 20260701000000Z
openssl ca -config ca.cnf -cert bank.crt -keyfile bank.key -revoke revoked.crt 2> log
sed -i -E 's/^(R\t[^\t]*\t)[^\t]*/\1261110000000Z/' index.txt # revoked on 10 November 2026
list bank bank 20261115000000Z 20270101000000Z
list forged bank 20261115000000Z 20270101000000Z
openssl crl -in forged.crl -outform DER -out forged.der
printf '\x01' | dd of=forged.der bs=1 seek=$(($(stat -c %s forged.der) - 1)) conv=notrunc 2> log
openssl crl -inform DER -in forged.der -out forged.crl

for name in root other; do cp "$name.crt" "$here/$name.pem"; done
for name in vera expired future encipher server plain critical weak sha1 revoked; do
  cat "$name.crt" bank.crt > "$here/$name.pem"
done
cat too-deep.crt deep.crt bank.crt > "$here/too-deep.pem"
cat below-leaf.crt vera.crt bank.crt > "$here/below-leaf.pem"
cat mailed.crt mail.crt > "$here/mailed.pem"
cat stranger.crt constrained.crt > "$here/stranger.pem"
cp elsewhere.crt "$here/elsewhere.pem"
for name in root bank bank-before forged; do cp "$name.crl" "$here/$name.crl"; done
