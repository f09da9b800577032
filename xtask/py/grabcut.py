"""GrabCut, corrected by a robot that clicks in the middle of the largest wrong region.

    grabcut.py TASKS.json MAX_CLICKS GOAL

TASKS.json is a list of {"photo", "truth", "seeds"}. truth is 255, 0, or 128 where a pixel does not count; seeds is 255 and 0
where the networks are sure, 192 and 64 where they are not. Prints a list of IoUs for each photograph: before the first
click, and after each.
"""

import json
import sys

import cv2
import numpy as np

# A click makes a disc sure, as in the published comparisons of interactive segmentation.
RADIUS = 5
ROUNDS = 3


def iou(mask, truth):
    counts = truth != 128
    subject = truth == 255
    both = (mask & subject & counts).sum()
    return float(both / max(((mask | subject) & counts).sum(), 1))


def click(mask, truth):
    """The pixel in the middle of the largest wrong region, and whether it is subject."""
    best = None
    for keep in (True, False):
        wrong = ((truth == (255 if keep else 0)) & (mask != keep)).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(wrong, connectivity=4)
        if count < 2:
            continue
        label = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
        area = int(stats[label, cv2.CC_STAT_AREA])
        if best is None or area > best[0]:
            best = (area, labels == label, keep)
    if best is None:
        return None
    region = np.pad(best[1].astype(np.uint8), 1)
    distance = cv2.distanceTransform(region, cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(np.argmax(distance)), distance.shape)
    return int(x), int(y), best[2]


def cut(photo, labels):
    """GrabCut needs pixels of both kinds."""
    labels = labels.copy()
    subject = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if subject.all() or not subject.any():
        return subject
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(photo, labels, None, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))


def session(task, max_clicks, goal):
    photo = cv2.imread(task["photo"], cv2.IMREAD_COLOR)
    truth = cv2.imread(task["truth"], cv2.IMREAD_GRAYSCALE)
    seeds = cv2.imread(task["seeds"], cv2.IMREAD_GRAYSCALE)
    labels = np.full(seeds.shape, cv2.GC_PR_BGD, np.uint8)
    for value, label in ((255, cv2.GC_FGD), (0, cv2.GC_BGD), (192, cv2.GC_PR_FGD)):
        labels[seeds == value] = label
    # The seeds only start it; a click may contradict them.
    mask = cut(photo, labels)
    ious = [iou(mask, truth)]
    while len(ious) <= max_clicks and ious[-1] < goal:
        found = click(mask, truth)
        if found is None:
            break
        x, y, keep = found
        cv2.circle(labels, (x, y), RADIUS, int(cv2.GC_FGD if keep else cv2.GC_BGD), -1)
        mask = cut(photo, labels)
        ious.append(iou(mask, truth))
    return ious


def main():
    with open(sys.argv[1]) as file:
        tasks = json.load(file)
    max_clicks, goal = int(sys.argv[2]), float(sys.argv[3])
    cv2.setRNGSeed(1)
    json.dump([session(task, max_clicks, goal) for task in tasks], sys.stdout)


main()
