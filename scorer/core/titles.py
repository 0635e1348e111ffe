"""What a job title says: rank, function, and the part its holder plays in a purchase.

Three tables of words in English, Chinese, and some German, French and Spanish. Latin words match whole words only
("Overhead" is no head), but for a ``*``, which stands for more letters; Chinese ones match anywhere.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

from scorer.core.labels import Label

Seniority = Literal["executive", "director", "manager", "specialist", "student", "unknown"]
Role = Literal[
    "management",
    "purchasing",
    "engineering",
    "production",
    "it",
    "marketing",
    "sales",
    "finance",
    "research",
    "quality",
    "maintenance",
    "logistics",
    "hr",
    "other",
    "unknown",
]
BuyingRole = Literal["decider", "influencer", "user", "unknown"]
SENIORITIES: tuple[Seniority, ...] = get_args(Seniority)
ROLES: tuple[Role, ...] = get_args(Role)
BUYING_ROLES: tuple[BuyingRole, ...] = get_args(BuyingRole)

MAX_LENGTH = 200
"""Characters of a title that are looked at."""

IN_WORDS: dict[str, Label] = {
    "executive": Label("executive", "高管"),
    "director": Label("director", "总监"),
    "manager": Label("manager", "经理"),
    "specialist": Label("specialist", "专业人员"),
    "student": Label("student", "学生"),
    "management": Label("management", "管理层"),
    "purchasing": Label("purchasing", "采购"),
    "engineering": Label("engineering", "工程技术"),
    "production": Label("production", "生产"),
    "it": Label("IT", "信息技术"),
    "marketing": Label("marketing", "市场"),
    "sales": Label("sales", "销售"),
    "finance": Label("finance", "财务"),
    "research": Label("research", "研发"),
    "quality": Label("quality", "质量"),
    "maintenance": Label("maintenance", "设备维护"),
    "logistics": Label("logistics", "物流"),
    "hr": Label("human resources", "人力资源"),
    "other": Label("another function", "其他职能"),
    "decider": Label("decides", "决策者"),
    "influencer": Label("influences the decision", "影响者"),
    "user": Label("user", "使用者"),
}
"""Ranks, functions and buying roles as people read them."""


class Position(NamedTuple):
    """What a job title says of its holder. A title that says nothing known leaves all three unknown."""

    seniority: Seniority = "unknown"
    role: Role = "unknown"
    buying_role: BuyingRole = "unknown"


_SAID_AND_MEANT: tuple[tuple[str, str], ...] = (
    (r"\b(?:former|formerly|retired|ex|ehemalige[rs]?)\b.*|^前(?!台|端).*", ""),
    # Whom somebody serves says nothing of the servant's rank.
    (
        r"\b(assistants?|assistante|asistente|\w*assisten(?:t|tin|z)|secretary|sekretar(?:in)?|secretaire|advis[eo]r|aide|pa|ea|"
        r"referent(?:in)?|intern|trainee)\s+(?:to|of|for|der|des|dem|de|du|d|del)\b.*",
        r"\1",
    ),
    (r"\b(?:business|hr|channel|sales|finance|people) partner\b", "advisor"),
    (r"\b(?:key )?account (?:executive|manager)s?\b|客户经理", "sales representative"),
    (r"\b(sales|marketing|service|support|recruitment|development) executive\b", r"\1 specialist"),
    (r"\b(product|process|service) owner\b", r"product specialist"),
    (r"\bassistant vice president\b", "avp"),
    (r"\bhead (?:office|quarters?|hunter)\b|\blead generation\b|\bhalbleiter\b|\bchief of staff office\b", ""),
    (r"\bchef (?:de|du|des) (\w+)\b", r"manager \1"),
    (r"\bstudent (?:affairs|services|life|success|recruitment|union)\b|研究生院|学生(?:处|工作|事务)", ""),
    (r"(?:总经理|总裁|董事长|厂长|\bceo|\bgm)\s*办(?:公室)?", ""),
    (r"副?总工程师|总工(?!程)", "技术总监"),
    (r"总监理", "监理"),
    (r"副总监", "总监"),
    (r"\b(?:ceo|president|chairman) office\b|\boffice of (?:the )?\w+\b", "office"),
    (r"总助(?!理)", "助理"),
)
"""Phrases whose words mean something else than they would alone, and what they mean. Tried in this order."""

_ASSISTING = re.compile(
    r"\b(?:assistants?|assistante|asistente|\w+assisten(?:t|tin|z)|assistent(?:in)?|assistenz|pa|ea)$"
    r"|\b(?:executive|personal|administrative|management|team) assistant\b"
    r"|(?<!general )(?<!corporate )(?<!company )\bsecretary$|\bsekretar(?:in)?\b|\bsecretaire\b"
    r"|助理$|(?<!董事会)秘书(?!长)"
)
"""Of all the words of such a title the last counts. "Assistant manager" is none of them."""

_RANKS: tuple[tuple[Seniority, str], ...] = (
    (
        "student",
        """
        student; students; phd student; doctoral candidate; undergraduate; graduate student; studentin; werkstudent*;
        intern; internship; trainee; apprentice; azubi; auszubildende*; praktikant*; stagiaire; etudiant*;
        estudiante; becario; 学生; 大学生; 研究生; 博士生; 硕士生; 实习; 在读
        """,
    ),
    (
        "executive",
        """
        ceo; cto; cfo; coo; cio; cmo; cpo; cso; cro; chro; ciso; cdo; cco; chief * officer; chief executive;
        chief * * officer; vice president; *president; presidente; presidenta; *prasident; *prasidentin; vp; svp;
        evp; chairman; chairwoman; chairperson; board member; board of directors; managing director;
        executive director; general manager; gm; director general; directeur general; directrice generale;
        general secretary; secretary general; managing partner; founding partner; senior partner; founder;
        co founder; cofounder; owner; co owner; proprietor; entrepreneur; geschaftsfuhr*; geschaeftsfuehr*;
        geschaftsleit*; vorstand; vorstande; vorstands*; aufsichtsrat; inhaber; inhaberin; grunder; grunderin;
        gesellschafter*; unternehmer; unternehmerin; pdg; gerant; gerante; fondateur; fondatrice; proprietaire;
        chef d entreprise; gerente general; directora general; consejero delegado; fundador; fundadora; dueno;
        propietario; 总裁; 总经理; 董事; 首席执行官; 首席*官; 创始人; 合伙人; 老板; 老总; 副总; 企业主; 法人;
        法定代表人; 党委书记; 秘书长; 院长; 校长; 董秘
        """,
    ),
    (
        "director",
        """
        director; directors; directora; directeur; directrice; direktor; direktorin; head; leiter; leiterin; leitung;
        prokurist; prokuristin; avp; plant manager; factory manager; site manager; einkaufsleit*; vertriebsleit*;
        verkaufsleit*; produktionsleit*; fertigungsleit*; werkleit*; werksleit*; betriebsleit*; bereichsleit*;
        abteilungsleit*; entwicklungsleit*; konstruktionsleit*; qualitatsleit*; instandhaltungsleit*; logistikleit*;
        marketingleit*; personalleit*; standortleit*; niederlassungsleit*; 总监; 部长; 厂长; 处长; 所长; 技术负责人;
        采购负责人
        """,
    ),
    (
        "manager",
        """
        manager; managers; managerin; management; lead; leader; supervisor; foreman; superintendent; chief;
        chief of staff; responsable; encargado; encargada; jefe; jefa; gerente; teamleit*; projektleit*;
        schichtleit*; gruppenleit*; filialleit*; meister; 经理; 主管; 主任; 组长; 课长; 科长; 班长; 负责人; 店长;
        领班
        """,
    ),
    (
        "specialist",
        """
        specialist; engineer; engineers; analyst; buyer; developer; programmer; technician; mechanic; electrician;
        representative; rep; consultant; advisor; adviser; coordinator; officer; clerk; administrator; operator; planner;
        accountant; auditor; scientist; researcher; professor; lecturer; teacher; designer; architect; expert; associate;
        agent; machinist; welder; inspector; lawyer; nurse; receptionist; editor; *ingenieur; *ingenieurin; ingeniero;
        ingeniera; *techniker; *entwickler; konstrukteur; sachbearbeiter*; einkaufer; einkauferin; acheteur; acheteuse;
        comprador; compradora; technicien; tecnico; kaufmann; kauffrau; referent; referentin; berater; beraterin;
        assistant; secretary; 工程师; 专员; 专家; 技术员; 研究员; 分析师; 设计师; 会计; 顾问; 代表; 助理; 秘书; 采购员;
        业务员; 操作员; 教授; 讲师; 教师; 老师; 文员; 程序员; 架构师; 管理员; 质检员; 检验员; 监理
        """,
    ),
)
"""Words of each rank, highest first: of several in one title the highest counts. Students come before all."""

_FUNCTIONS: tuple[tuple[Role, str], ...] = (
    (
        "purchasing",
        """
        purchasing; purchase; purchaser; procurement; buyer; buying; sourcing; einkauf*; beschaffung*; achats; achat;
        acheteur; acheteuse; compras; comprador; compradora; 采购; 供应商管理
        """,
    ),
    (
        "quality",
        """
        quality; qa; qc; qualitat; qualitats*; qualite; calidad; 质量; 品质; 质检; 品控; 检验
        """,
    ),
    (
        "maintenance",
        """
        maintenance; instandhalt*; wartung*; servicetechniker; facility; facilities; mantenimiento; 维修; 维护; 设备;
        保养
        """,
    ),
    (
        "research",
        """
        research; researcher; r and d; rnd; scientist; f and e; forschung*; recherche; investigacion; professor;
        研发; 研究; 科研; 教授; 实验室
        """,
    ),
    (
        "hr",
        """
        hr; human resources; talent; recruiter; recruiting; recruitment; people operations; chro; personalleit*;
        personalwesen; personalreferent*; leiter personal; ressources humaines; recursos humanos; 人力; 人事; 招聘
        """,
    ),
    (
        "finance",
        """
        finance; financial; cfo; controller; controlling; accounting; accountant; treasurer; treasury; auditor; finanz*;
        buchhalt*; finances; comptable; contable; daf; 财务; 会计; 出纳; 审计
        """,
    ),
    (
        "logistics",
        """
        logistics; logistik*; supply chain; warehouse; shipping; lager; lagerleit*; logistique; logistica; scm; 物流;
        供应链; 仓库; 仓储; 运输
        """,
    ),
    (
        "sales",
        """
        sales; business development; key account; cro; vertrieb; vertriebs*; verkauf; verkaufs*; commercial; ventes;
        ventas; 销售; 业务; 商务; 营业
        """,
    ),
    (
        "marketing",
        """
        marketing*; brand; communications; cmo; seo; pr; 市场; 营销; 品牌; 推广; 公关
        """,
    ),
    (
        "it",
        """
        it; cio; ciso; information technology; information systems; software; developer; programmer; devops; data;
        cyber security; sysadmin; system administrator; network; web; edv; informatik*; informatique; informatica;
        entwickler; softwareentwickler; 信息; 软件; 网络; 程序员; 架构师; 数据; 运维; 开发工程师
        """,
    ),
    (
        "production",
        """
        production; manufacturing; operations; coo; plant; factory; fertigung*; produktion*; werksleit*; werkleit*;
        betriebsleit*; shop floor; fabrication; produccion; welder; machinist; foreman; 生产; 制造; 厂长; 车间; 工艺;
        运营
        """,
    ),
    (
        "engineering",
        """
        engineering; engineer; engineers; cto; technical; technology; technician; mechanic; electrician;
        design engineer; *ingenieur; *ingenieurin; ingenieria; ingeniero; ingeniera; technik; *techniker;
        technische*; technique; technicien; tecnico; konstruktion*; konstrukteur; entwicklung*; 工程; 技术; 设计;
        机械; 电气
        """,
    ),
    (
        "other",
        """
        legal; lawyer; counsel; design; designer; architect; teacher; lecturer; nurse; receptionist; editor;
        consultant; secretary; product; customer service; office; 法务; 行政; 教师; 老师;
        讲师; 顾问; 秘书; 文员; 产品; 客服; 项目
        """,
    ),
)
"""Words of each function. The first that fits counts, so a quality engineer works in quality."""


@lru_cache(maxsize=10_000)
def position_of(title: str) -> Position:
    """Read a job title.

    The buying role follows from the other two: executives and directors decide; managers influence, and so does
    everybody in purchasing; whoever else has a title that says something uses what is bought.

    >>> position_of("VP of Sales"), position_of("Assistant to the CEO").buying_role, position_of("采购经理").role
    (Position(seniority='executive', role='sales', buying_role='decider'), 'user', 'purchasing')
    """
    text = _plain(title)
    for said, meant in _MEANINGS:
        text = said.sub(meant, text)
    text = " ".join(text.split())
    if _ASSISTING.search(text):
        return Position("specialist", "other", "user")
    seniority = next((rank for rank, words in _RANK_WORDS if words.search(text)), None)
    if text == "partner":
        seniority = "executive"
    role = next((function for function, words in _FUNCTION_WORDS if words.search(text)), None)
    if role in (None, "other") and seniority == "executive":
        role = "management"
    if role and not seniority:
        seniority = "specialist"
    return Position(seniority or "unknown", role or "unknown", _buying_role(seniority, role))


def _buying_role(seniority: Seniority | None, role: Role | None) -> BuyingRole:
    if seniority in ("executive", "director"):
        return "decider"
    if seniority == "student":
        return "user"
    if seniority == "manager" or role == "purchasing":
        return "influencer"
    return "user" if seniority else "unknown"


def _plain(text: str) -> str:
    """Lower case without accents; signs are spaces, ``&`` is ``and``, ``C.E.O.`` is ``ceo``, Han stands apart."""
    text = unicodedata.normalize("NFKD", text[:MAX_LENGTH]).casefold()
    text = "".join(sign for sign in text if not unicodedata.combining(sign)).replace("&", " and ")
    text = re.sub(r"(?<!\w)(?:[a-z]\.){2,}", lambda found: found[0].replace(".", "") + " ", text)
    text = re.sub(r"[’']s\b", "", text)
    text = re.sub(r"[^\w]|_", " ", text)
    return " ".join(re.sub(r"([㐀-鿿]+)", r" \1 ", text).split())


def _matcher(words: str) -> re.Pattern[str]:
    latin: list[str] = []
    han: list[str] = []
    for word in (" ".join(word.split()) for word in words.split(";")):
        kind = latin if word.isascii() else han
        kind.append(re.escape(word).replace(r"\*", r"\w*" if kind is latin else r"\w{1,6}"))
    return re.compile(rf"(?<!\w)(?:{'|'.join(latin)})(?!\w)|{'|'.join(han)}")


_MEANINGS = tuple((re.compile(said), meant) for said, meant in _SAID_AND_MEANT)
_RANK_WORDS = tuple((rank, _matcher(words)) for rank, words in _RANKS)
_FUNCTION_WORDS = tuple((function, _matcher(words)) for function, words in _FUNCTIONS)
