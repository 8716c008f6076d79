package exchange

import (
	"strings"
	"sync"
)

// peopleWords are the names that columns of people have in the files of the countries we know, without case,
// accents, blanks and punctuation.
//
//nolint:gochecknoglobals // a table that is made once and never changes
var peopleWords = sync.OnceValue(func() map[string]columnWord {
	words := make(map[string]columnWord)
	put := func(word columnWord, names string) {
		for name := range strings.FieldsSeq(names) {
			words[foldName(name)] = word
		}
	}
	put(columnWord{meaning: AddressColumn}, `email emailaddress mail adresemail adresmailowy adrespocztyelektronicznej poczta pocztaelektroniczna
		adresadeemail postaelectronica adresaemail emailcim епоща елпоща имеил имеиладрес емеил мыло почта элпочта электроннаяпочта адресэлектроннойпочты пошта електроннапошта адресаелектронноїпошти
		workemail businessemail companyemail emailsluzbowy emailfirmowy`)
	put(columnWord{meaning: AddressColumn, vague: true}, `address adres adresa adresse cim адрес адреса`)
	put(columnWord{meaning: AddressColumn, vague: true, proven: true}, `contact kontakt login username upn userprincipalname контакт`)
	put(columnWord{meaning: NameColumn}, `name fullname displayname employee employeename person personname customer customername contactname contactperson
		imieinazwisko nazwiskoiimie imienazwisko nazwiskoimie pracownik osoba klient numesiprenume prenumesinume numeprenume numecomplet numeleangajatului angajat
		фио имяифамилия фамилияиимя имяфамилия фамилияимя фамилияимяотчество сотрудник работник полноеимя
		jmenoaprijmeni prijmeniajmeno celejmeno zamestnanec menoapriezvisko priezvisko&meno celemeno nev teljesnev munkavallalo
		имеифамилия триимена служител піб пib прізвищетаімя імятапрізвище імяпрізвище працівник співробітник прізвищеімяпобатькові`)
	put(columnWord{meaning: GivenColumn}, `firstname givenname forename imie imiona prenume prenumele имя jmeno krestnijmeno meno krstnemeno keresztnev utonev име собственоиме імя ім'я`)
	put(columnWord{meaning: PatronymicColumn}, `patronymic middlename отчество побатькові презиме drugieimie`)
	put(columnWord{meaning: FamilyColumn}, `lastname surname familyname nazwisko nume numedefamilie numele фамилия prijmeni priezvisko vezeteknev csaladnev прізвище фамилно`)
	put(columnWord{meaning: LanguageColumn}, `language lang languagecode locale preferredlanguage languagepreference jezyk jezykkomunikacji jezykankiety kodjezyka limba limbapreferata limbadecomunicare
		язык языкобщения языкопроса jazyk nyelv език мова`)
	put(columnWord{meaning: KeyColumn}, `key id employeeid employeenumber employeeno empid staffid staffnumber personid personnelnumber personnelno payrollnumber externalid userid customerid clientid customernumber crmid contactid
		idpracownika nrpracownika numerpracownika nrewidencyjny numerewidencyjny nrewid identyfikator identyfikatorpracownika numerosobowy nrosobowy nrkadrowy numerkadrowy idosoby idklienta nrklienta numerklienta kod
		marca nrmarca numarmarca idangajat idclient codangajat
		табельныиномер табномер табельныи таб табном идентификатор идсотрудника кодсотрудника ид кодклиента номерклиента
		osobnicislo cislozamestnance idzamestnance cislozamestnanca idzamestnanca torzsszam dolgozoiazonosito azonosito служебенномер персоналенномер табельнииномер табельнийномер идентифікатор`)
	put(columnWord{meaning: ActiveColumn}, `active isactive accountenabled enabled aktywny aktywna activ activa активен активныи активна aktivni aktivny aktiv`)
	for key, names := range map[string]string{
		"department": `department dept departmentname dzial nazwadzialu departament departamentul wydzial jednostka jednostkaorganizacyjna komorkaorganizacyjna отдел департамент подразделение структурноеподразделение oddeleni utvar oddelenie osztaly reszleg відділ підрозділ`,
		"division":   `division pion dywizja divizie дивизион divize divizia divizio`,
		"team":       `team zespol echipa команда группа tym tim csapat екип`,
		"unit":       `unit businessunit bu`,
		"level":      `level grade joblevel seniority poziom poziomstanowiska szczebel nivel nivelul nivelierarhic уровень уровендолжности уровеньдолжности греид uroven szint ниво рівень`,
		"office":     `office frontback backfront frontbackoffice backfrontoffice frontoffice backoffice biuro birou biroul офис kancelar iroda офисотдел`,
		"location":   `location site worklocation officelocation lokalizacja miejscepracy locatie locatia sediu sediul местоположение локация месторасположение местоработы lokalita pracoviste pracovisko telephely helyszin място місцероботи локація`,
		"city":       `city town miasto miejscowosc oras orasul localitate город mesto varos град місто`,
		"country":    `country kraj tara страна zeme krajina orszag държава країна`,
		"region":     `region regiune регион область`,
		"branch":     `branch branchname oddzial filia placowka filiala sucursala agentie филиал отделение pobocka fiok клон філія відділення`,
		"company":    `company companyname firma spolka companie compania компания организация spolecnost spolocnost ceg vallalat фирма компанія`,
		"manager":    `manager linemanager supervisor reportsto przelozony kierownik menedzer bezposrednizprzelozony bezposredniprzelozony superior sef sefdirect superiorierarhic руководитель менеджер начальник непосредственныируководитель nadrizeny vedouci nadriadeny veduci felettes vezeto ръководител мениджър керівник`,
		"position":   `position jobtitle job role title stanowisko rola functie functia post должность позиция роль pozice funkce pozicia funkcia munkakor beosztas длъжност посада`,
		"hired":      `hired hiredate startdate dateofhire datazatrudnienia datazatrudnenia dataangajarii датаприема датаприеманаработу датанаемане datumnastupu датаприиняття`,
		"segment":    `segment segmentklienta сегмент szegmens`,
	} {
		put(columnWord{meaning: AttributeColumn, attribute: key}, names)
	}
	put(columnWord{meaning: IgnoredColumn, note: NoteRowNumber},
		`no nr lp nrcrt nrcurent number row rownumber номер пп n porcislo poradi ssz sorszam`)
	put(columnWord{meaning: IgnoredColumn, note: NoteNotNeeded},
		`pesel cnp снилс инн паспорт ssn nationalid socialsecuritynumber passport passportnumber rodnecislo tajszam taj егн рнокпп ідн nrdowodu nrdowoduosobistego seriacinumarci serienumarci
		dateofbirth birthdate birthday dob dataurodzenia datanasterii датарождения датанародження datumnarozeni datumnarodenia szuletesidatum датанараждане
		phone phonenumber telephone mobile mobilephone telefon nrtelefonu numertelefonu telefonkomorkowy telefonmobil mobil тел телефон мобильныи мобильныителефон
		salary wage pay wynagrodzenie pensja placa salariu salariul зарплата оклад plat mzda fizetes ber заплата iban bankaccount nrkonta rachunek contbancar
		password haslo parola пароль heslo jelszo парола
		adreszamieszkania adresdomowy homeaddress postaladdress adresadomiciliu домашнииадрес почтовыиадрес kodpocztowy codpostal postcode zip zipcode индекс`)
	return words
})

// languageWords are the names of languages, in their own words and in those of their neighbours, as wordOf
// compares them.
//
//nolint:gochecknoglobals // a table that is made once and never changes
var languageWords = sync.OnceValue(func() map[string]string {
	words := make(map[string]string)
	for tag, names := range map[string]string{
		"en": `english angielski poangielsku engleza английскии ang eng gb uk-gb anglicky anglictina angol англииски англіиська`,
		"pl": `polish polski popolsku poloneza polona польскии pol polsky polstina lengyel полски польська`,
		"ro": `romanian rumunski romana romaneste румынскии ron rum rumunsky roman румънски румунська moldovan`,
		"ru": `russian rosyjski rusa русскии rus rusky rustina orosz руски росіиська`,
		"cs": `czech czeski ceha чешскии cz cze ces cesky cestina cseh чешки чеська`,
		"sk": `slovak slowacki slovaca словацкии slk slovensky slovencina szlovak словашки словацька`,
		"hu": `hungarian wegierski maghiara венгерскии hun madarsky madarstina magyar унгарски угорська`,
		"bg": `bulgarian bulgarski bulgară болгарскии bul bulharsky bolgar български болгарська`,
		"uk": `ukrainian ukrainski ucraineana украинскии ukr ua ukrajinsky ukran украински українська украінська`,
		"de": `german niemiecki germana немецкии ger deu nemecky nemcina nemet немски німецька deutsch`,
		"fr": `french francuski franceza французскии fra fre francais francouzsky`,
		"lt": `lithuanian litewski lit lietuviu`,
		"lv": `latvian lotewski lav latviesu`,
		"es": `spanish hiszpanski spaniola испанскии spa espanol`,
		"it": `italian wloski italiana итальянскии ita italiano`,
	} {
		for name := range strings.FieldsSeq(names) {
			words[foldName(name)] = tag
		}
	}
	return words
})
