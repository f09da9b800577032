#!/usr/bin/env php
<?php
/*
 * Cuts the subject out of a photo: uploads the photo, waits for the job, and saves the pictures in `cutouts/`.
 *
 *   export CUTLINE_URL=http://127.0.0.1:8787   # ends before /api/v1
 *   export CUTLINE_API_KEY=...
 *   php cutline.php PHOTO [MODE [FORMAT [PARAMS]]]
 *
 * MODE is clipping (the default), background or params; PARAMS names the parameter set. An empty FORMAT is the default.
 * Needs PHP 8.0 with the curl extension. Against the original API, only the two variables differ.
 */
declare(strict_types=1);

const ATTEMPTS = 5;

/** Returns the status code and the body. Tries again after a network error, 429 or 5xx. */
function request(string $url, array $headers = [], ?array $form = null): array
{
    for ($attempt = 1; ; $attempt++) {
        $retryAfter = null;
        $curl = curl_init($url);
        curl_setopt_array($curl, [
            CURLOPT_HTTPHEADER => $headers,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => 300,
            CURLOPT_HEADERFUNCTION => function ($curl, string $line) use (&$retryAfter): int {
                if (preg_match('/^retry-after: *(\d+)\s*$/i', $line, $match)) {
                    $retryAfter = min((int) $match[1], 60);
                }
                return strlen($line);
            },
        ] + ($form === null ? [] : [CURLOPT_POSTFIELDS => $form]));
        $body = curl_exec($curl);
        $code = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
        $isTemporary = $body === false || $code === 429 || $code >= 500;
        if (!$isTemporary || ($attempt === ATTEMPTS && $body !== false)) {
            return [$code, $body];
        }
        $problem = $body === false ? curl_error($curl) : "HTTP $code";
        if ($attempt === ATTEMPTS) {
            throw new RuntimeException("cannot reach the server: $problem; check CUTLINE_URL");
        }
        $delay = $retryAfter ?? 2 ** ($attempt - 1);
        fwrite(STDERR, "attempt $attempt failed: $problem; next in $delay s\n");
        sleep($delay);
    }
}

/** Returns the JSON answer of the API. */
function api(string $path, array $headers = [], ?array $form = null): array
{
    $url = rtrim(getenv('CUTLINE_URL'), '/') . "/api/v1/$path";
    [$code, $body] = request($url, ['X-API-Key: ' . getenv('CUTLINE_API_KEY'), ...$headers], $form);
    $answer = json_decode($body, true);
    if ($code >= 200 && $code < 300) {
        return $answer;
    }
    if ($code === 422) {
        $lines = ['invalid request:'];
        foreach ($answer['details'] as $field => $messages) {
            $lines[] = "  $field: " . implode(' ', $messages);
        }
        throw new RuntimeException(implode("\n", $lines));
    }
    throw new RuntimeException(match ($code) {
        401 => "unauthorized: {$answer['message']}; check CUTLINE_API_KEY",
        402 => 'insufficient credits: the account has none left; add credits',
        default => "HTTP $code: $body",
    });
}

/** Polls at growing intervals, 2 to 5 seconds, until the job ends. Returns its status. */
function wait(string $job): array
{
    $deadline = time() + 1800;
    for ($interval = 2; time() < $deadline; $interval = min($interval + 1, 5)) {
        sleep($interval);
        $status = api('status?' . http_build_query(['job_id' => $job]));
        if ($status['state'] === 'done') {
            return $status;
        }
    }
    throw new RuntimeException("job $job has not ended after 30 minutes; ask for its status later");
}

function main(?string $photo = null, string $mode = '', string $format = '', string $params = ''): void
{
    if ($photo === null) {
        throw new RuntimeException('usage: cutline.php PHOTO [MODE [FORMAT [PARAMS]]]');
    }
    if (!getenv('CUTLINE_URL') || !getenv('CUTLINE_API_KEY')) {
        throw new RuntimeException('CUTLINE_URL or CUTLINE_API_KEY is missing; see the head of cutline.php');
    }
    if (!is_file($photo) || !is_readable($photo)) {
        throw new RuntimeException("cannot read $photo");
    }

    // The same key on every attempt: if an answer is lost, the next attempt does not create a second job.
    $headers = ['Idempotency-Key: ' . bin2hex(random_bytes(16))];
    $fields = array_filter(['mode' => $mode, 'output_format' => $format, 'params' => $params], 'strlen');
    $job = api('upload', $headers, $fields + ['file' => new CURLFile($photo, null, basename($photo))])['job_id'];
    fwrite(STDERR, "job $job\n");
    $status = wait($job);
    if ($status['status'] !== 'done') {
        throw new RuntimeException("job $job failed: {$status['error']['code']}: {$status['error']['message']}");
    }

    // Links need no key, and expire within an hour. `final_url` is a single link instead of one for each picture.
    is_dir('cutouts') || mkdir('cutouts');
    foreach ($status['final_urls'] ?? [$status['final_url']] as $link) {
        $path = parse_url($link, PHP_URL_PATH);
        [$code, $picture] = request($link);
        if ($code !== 200) {
            throw new RuntimeException("cannot download $path: HTTP $code");
        }
        $file = 'cutouts/' . pathinfo($photo, PATHINFO_FILENAME) . '-' . basename($path);
        if (file_put_contents($file, $picture) === false) {
            throw new RuntimeException("cannot write $file");
        }
        echo "$file\n";
    }
}

try {
    main(...array_slice($argv, 1));
} catch (RuntimeException $error) {
    fwrite(STDERR, $error->getMessage() . "\n");
    exit(1);
}
