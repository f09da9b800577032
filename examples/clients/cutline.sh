#!/usr/bin/env bash
#
# Cuts the subject out of a photo: uploads the photo, waits for the job, and saves the pictures in `cutouts/`.
#
#   export CUTLINE_URL=http://127.0.0.1:8787   # ends before /api/v1
#   export CUTLINE_API_KEY=...
#   ./cutline.sh PHOTO [MODE [FORMAT [PARAMS]]]
#
# MODE is clipping (the default), background or params; PARAMS names the parameter set. An empty FORMAT is the default.
# Needs Bash 4.4, curl 7.76 and jq. Against the original API, only the two variables differ.
set -euo pipefail

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

# request CURL_ARGUMENT...: sends a request, sets `code` and writes the body to `$work/body`. curl tries again after a
# network error, 429 or a temporary 5xx, and waits as long as Retry-After says.
request() {
  code=$(curl --silent --show-error --output "$work/body" --write-out '%{http_code}' --max-time 300 \
    --retry 4 --retry-all-errors --retry-max-time 120 "$@") || fail "cannot reach the server; check CUTLINE_URL"
}

# api PATH CURL_ARGUMENT...: sets `answer` to the JSON answer of the API. An error ends the program. The key is not an
# argument of curl, where other users could see it.
api() {
  local path=$1
  shift
  request --header @<(printf 'X-API-Key: %s\n' "$CUTLINE_API_KEY") "$@" "${CUTLINE_URL%/}/api/v1/$path"
  answer=$(<"$work/body")
  case $code in
    2*) ;;
    401) fail "unauthorized: $(jq -r .message <<<"$answer"); check CUTLINE_API_KEY" ;;
    402) fail "insufficient credits: the account has none left; add credits" ;;
    422) fail "invalid request:
$(jq -r '.details | to_entries[] | "  \(.key): \(.value | join(" "))"' <<<"$answer")" ;;
    *) fail "HTTP $code: $answer" ;;
  esac
}

(($# >= 1 && $# <= 4)) || fail "usage: cutline.sh PHOTO [MODE [FORMAT [PARAMS]]]"
: "${CUTLINE_URL:?is missing; see the head of cutline.sh}" "${CUTLINE_API_KEY:?is missing; see the head of cutline.sh}"
photo=$1 mode=${2-} format=${3-} params=${4-}
[[ -f $photo && -r $photo ]] || fail "cannot read $photo"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The same key on every attempt: if an answer is lost, the next attempt does not create a second job.
quoted=${photo//\\/\\\\}
form=(--form "file=@\"${quoted//\"/\\\"}\"")
[[ -z $mode ]] || form+=(--form-string "mode=$mode")
[[ -z $format ]] || form+=(--form-string "output_format=$format")
[[ -z $params ]] || form+=(--form-string "params=$params")
api upload --header "Idempotency-Key: $(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" "${form[@]}"
job=$(jq -r .job_id <<<"$answer")
printf 'job %s\n' "$job" >&2

interval=2
until [[ $(jq -r .state <<<"$answer") == done ]]; do
  ((SECONDS < 1800)) || fail "job $job has not ended after 30 minutes; ask for its status later"
  sleep "$interval"
  interval=$((interval < 5 ? interval + 1 : 5))
  api "status?job_id=$job"
done
[[ $(jq -r .status <<<"$answer") == done ]] ||
  fail "job $job failed: $(jq -r '"\(.error.code): \(.error.message)"' <<<"$answer")"

# Links need no key, and expire within an hour. `final_url` is a single link instead of one for each picture.
readarray -t links < <(jq -r '(.final_urls // {final_url})[]' <<<"$answer")
name=${photo##*/}
mkdir -p cutouts
for link in "${links[@]}"; do
  path=${link%%\?*}
  file=cutouts/${name%.*}-${path##*/}
  # A link is as good as a key, so it is no argument of curl either.
  request --globoff --config <(printf 'url = "%s"\n' "$link")
  [[ $code == 200 ]] || fail "cannot download $path: HTTP $code"
  mv "$work/body" "$file"
  printf '%s\n' "$file"
done
